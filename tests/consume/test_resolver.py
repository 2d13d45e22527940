"""The resolver: which snapshot an address means, who gets it, and which values they see."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import dagmesh as dm
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.errors import AccessRefused, AddressError, NotPublished, UntrustedSnapshot
from dagmesh.model.address import Address

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))


class StricterOrders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, description="Number of the order.")
    ordered_on: date = dm.field(description="UTC day of the order.")
    placed_at: datetime = dm.field(description="When it was placed.")
    total_eur: Decimal = dm.field(classification="confidential", unit="EUR", description="What it cost.")


def resolve(shop, address: str | Address, reader: str = "analyst", **wanted) -> Reading:
    return Resolver(shop.lake, reader).resolve(address, **wanted)


def rows(shop, reading: Reading) -> list[tuple]:
    return shop.con.sql(f"FROM {reading.sql}").order("1").fetchall()


def totals(shop, reading: Reading) -> list[int]:
    return [int(total) for (total,) in shop.con.sql(f"SELECT total_eur FROM {reading.sql} ORDER BY 1").fetchall()]


def test_an_address_without_a_major_means_the_latest_by_number(shop) -> None:
    for version in ("10.0.0", "9.1.0"):
        shop.publish(replace(shop.slim_profiles, version=version), "(SELECT 'c1' AS customer_id)")

    assert str(resolve(shop, "customers.profiles").address) == "customers.profiles@10#0"


def test_an_address_with_a_major_means_that_one(shop) -> None:
    shop.publish_profiles()
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)")

    reading = resolve(shop, "customers.profiles@1")

    assert str(reading.address) == "customers.profiles@1#0"
    assert reading.product["version"] == "1.0.0"


def test_an_address_without_a_snapshot_means_the_newest(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    newest = shop.publish_orders({MONDAY: [20]})

    reading = resolve(shop, "orders.orders")

    assert (reading.snapshot, str(reading.address)) == (newest, "orders.orders@1#1")
    assert totals(shop, reading) == [20]


def test_an_address_with_a_snapshot_keeps_meaning_the_same_rows(shop) -> None:
    shop.publish_orders({MONDAY: [10], TUESDAY: [11]})
    shop.publish_orders({MONDAY: [20]})

    assert totals(shop, resolve(shop, "orders.orders@1#0")) == [10, 11]
    assert totals(shop, resolve(shop, "orders.orders#0")) == [10, 11]


def test_an_address_may_be_given_parsed(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    assert resolve(shop, Address("orders", "orders")) == resolve(shop, "orders.orders@1#0")


def test_text_that_is_no_address_is_refused(shop) -> None:
    with pytest.raises(AddressError) as refusal:
        resolve(shop, "orders")

    assert str(refusal.value) == (
        "'orders' is not an address; write <domain>.<product>, <domain>.<product>@<major> or "
        "<domain>.<product>@<major>#<snapshot>, for example orders.purchase_patterns@1."
    )


def test_an_unknown_product_names_the_nearest(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    with pytest.raises(NotPublished) as refusal:
        resolve(shop, "orders.order")

    assert str(refusal.value) == ("orders.order is not published in this lake. Did you mean 'orders.orders'? See what is: dagmesh list")
    assert refusal.value.address == "orders.order"


def test_an_unknown_product_that_resembles_nothing_names_nothing(shop) -> None:
    with pytest.raises(NotPublished) as refusal:
        resolve(shop, "finance.ledgers")

    assert str(refusal.value) == "finance.ledgers is not published in this lake. See what is: dagmesh list"


def test_an_unknown_major_says_how_to_publish_it(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    with pytest.raises(NotPublished, match=r"^orders\.orders@2 is not published yet\. Publish it: dagmesh run orders\.orders$"):
        resolve(shop, "orders.orders@2")


def test_an_unknown_snapshot_names_the_newest(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    with pytest.raises(NotPublished, match=r"has no snapshot #7; the newest is #0: dagmesh history orders\.orders@1"):
        resolve(shop, "orders.orders@1#7")


def test_a_reader_who_is_not_served_is_told_who_is_and_whom_to_ask(shop) -> None:
    shop.publish_profiles()

    with pytest.raises(AccessRefused) as refusal:
        resolve(shop, "customers.profiles", reader="finance")

    assert str(refusal.value) == (
        "finance may not read customers.profiles@1 (pii, serves marketing, risk). "
        'Ask team:customers: dagmesh grant request customers.profiles@1 --as finance --purpose "..."'
    )
    assert (refusal.value.reader, refusal.value.address) == ("finance", "customers.profiles@1")


def test_a_product_that_serves_nobody_yet_says_so(shop) -> None:
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)")

    with pytest.raises(AccessRefused) as refusal:
        resolve(shop, "customers.profiles", reader="marketing")

    assert str(refusal.value) == (
        "marketing may not read customers.profiles@10 (serves nobody yet). "
        'Ask team:customers: dagmesh grant request customers.profiles@10 --as marketing --purpose "..."'
    )


def test_whom_a_product_serves_today_is_who_reads_its_old_snapshots(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.orders = replace(shop.orders, serves=("marketing",))
    shop.publish_orders({TUESDAY: [11]})

    assert totals(shop, resolve(shop, "orders.orders@1#0", reader="marketing")) == [10]
    with pytest.raises(AccessRefused, match="serves marketing"):
        resolve(shop, "orders.orders@1#0", reader="finance")


def test_a_column_that_is_restricted_today_is_hidden_in_old_snapshots_too(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.orders = replace(shop.orders, contract=StricterOrders)
    shop.publish_orders({TUESDAY: [11]})

    for snapshot in (0, 1):
        assert resolve(shop, f"orders.orders@1#{snapshot}", reader="finance").hidden == {"total_eur"}


def test_a_column_that_was_restricted_stays_hidden_in_old_snapshots(shop) -> None:
    strict = replace(shop.orders, contract=StricterOrders)
    shop.orders, loose = strict, shop.orders
    shop.publish_orders({MONDAY: [10]})
    shop.orders = loose
    shop.publish_orders({TUESDAY: [11]})

    assert resolve(shop, "orders.orders@1#0", reader="finance").hidden == {"total_eur"}
    assert resolve(shop, "orders.orders@1#1", reader="finance").hidden == frozenset()


def test_a_damaged_newest_snapshot_leaves_the_good_ones_to_those_they_were_for(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    commit = Path(shop.lake.root) / "orders" / "orders" / "v1" / "_delta_log" / "00000000000000000001.json"
    shop.publish_orders({TUESDAY: [11]})
    commit.write_text(commit.read_text().replace("team:orders", "team:others"))

    with pytest.raises(UntrustedSnapshot):
        resolve(shop, "orders.orders", reader="finance")
    assert totals(shop, resolve(shop, "orders.orders@1#0", reader="finance")) == [10]
    with pytest.raises(AccessRefused):
        resolve(shop, "orders.orders@1#0", reader="marketing")


def test_the_owner_sees_restricted_columns(shop) -> None:
    shop.publish_profiles()

    reading = resolve(shop, "customers.profiles", reader="customers")

    seen_at = datetime(2026, 11, 16, 8, tzinfo=UTC)
    assert reading.hidden == frozenset()
    assert rows(shop, reading)[0] == ("c1", "ada@example.com", date(1990, 12, 10), Decimal("12.5000"), seen_at, ["tea"], "Graz")


@pytest.mark.parametrize("reader", ["marketing", "analyst"])
def test_everyone_else_sees_null_in_restricted_columns(shop, reader: str) -> None:
    shop.publish_profiles()

    reading = resolve(shop, "customers.profiles", reader=reader)

    assert reading.hidden == {"email", "born_on", "credit_eur", "seen_at", "tags"}
    assert rows(shop, reading) == [("c1", None, None, None, None, None, "Graz"), ("c2", None, None, None, None, None, "Linz")]


def test_hidden_columns_keep_their_names_order_and_types(shop) -> None:
    shop.publish_profiles()

    seen, hidden = (shop.con.sql(f"FROM {resolve(shop, 'customers.profiles', reader=who).sql}") for who in ("customers", "marketing"))

    assert (hidden.columns, hidden.types) == (seen.columns, seen.types)
    assert [str(kind) for kind in hidden.types] == [
        "VARCHAR",
        "VARCHAR",
        "DATE",
        "DECIMAL(12,4)",
        "TIMESTAMP WITH TIME ZONE",
        "VARCHAR[]",
        "VARCHAR",
    ]


def test_no_days_means_every_day(shop) -> None:
    shop.publish_orders({MONDAY: [10], TUESDAY: [11], WEDNESDAY: [12]})

    assert totals(shop, resolve(shop, "orders.orders")) == [10, 11, 12]


def test_days_choose_their_rows_only(shop) -> None:
    shop.publish_orders({MONDAY: [10], TUESDAY: [11], WEDNESDAY: [12]})

    assert totals(shop, resolve(shop, "orders.orders", days={MONDAY, WEDNESDAY})) == [10, 12]


def test_the_order_of_the_days_does_not_matter(shop) -> None:
    shop.publish_orders({MONDAY: [10], TUESDAY: [11], WEDNESDAY: [12]})

    forth, back = (resolve(shop, "orders.orders", days=days) for days in ([MONDAY, TUESDAY], [TUESDAY, MONDAY]))

    assert forth.sql == back.sql
    assert totals(shop, back) == [10, 11]


def test_a_day_that_is_not_published_gives_no_rows_but_the_columns(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    relation = shop.con.sql(f"FROM {resolve(shop, 'orders.orders', days=[WEDNESDAY]).sql}")

    assert (relation.columns, relation.fetchall()) == (["order_id", "ordered_on", "placed_at", "total_eur"], [])


def test_only_the_files_of_the_days_are_looked_at(shop) -> None:
    snapshot = shop.publish_orders({MONDAY: [10], TUESDAY: [11]})
    (damaged,) = [file for file in snapshot.files if file.day == TUESDAY]
    (Path(shop.lake.root) / "orders" / "orders" / "v1" / damaged.path).write_bytes(b"")

    assert totals(shop, resolve(shop, "orders.orders", days=[MONDAY])) == [10]
    with pytest.raises(UntrustedSnapshot):
        resolve(shop, "orders.orders", days=[TUESDAY])
