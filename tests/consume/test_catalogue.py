"""The catalogue: what is published, whether its promise is kept, and what readers refuse, all from the lake."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dagmesh.consume.catalogue import catalogue, entry
from dagmesh.consume.promise_kept import Kept
from dagmesh.errors import NotPublished
from dagmesh.model.address import Address

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
TUESDAY_MORNING, THURSDAY = datetime(2026, 11, 17, 9, tzinfo=UTC), datetime(2026, 11, 19, 9, tzinfo=UTC)


def damage_newest(shop, product) -> None:
    """Change a published file's size: its signature's manifest no longer holds."""
    snapshot = shop.lake.table(product.address).snapshot()
    folder = Path(shop.lake.table(product.address).place.storage.root)
    commit = folder / "_delta_log" / f"{snapshot.version:020}.json"
    commit.write_text(commit.read_text().replace(snapshot.publication.manifest, "0" * 64))


def test_an_empty_lake_has_an_empty_catalogue(shop) -> None:
    assert catalogue(shop.lake) == []


def test_every_major_of_every_product_is_listed_by_address(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)")
    shop.publish_profiles()

    assert [str(found.address) for found in catalogue(shop.lake)] == ["customers.profiles@1", "customers.profiles@10", "orders.orders@1"]


def test_an_entry_describes_the_newest_snapshot(shop) -> None:
    shop.publish_orders({MONDAY: [10, 11]})
    checks = [{"name": "order_id__unique", "passed": True}, {"name": "total_eur__ge", "passed": False}]
    shop.publish_orders({TUESDAY: [12]}, checks=checks, completeness={TUESDAY: 0.5}, seconds=1.25)

    (found,) = catalogue(shop.lake)

    assert found.describe(datetime(2026, 11, 18, 7, tzinfo=UTC)) == {
        "address": "orders.orders@1",
        "owner": "team:orders",
        "version": "1.4.0",
        "snapshot": 1,
        "rows": 3,
        "checks_passed": 1,
        "checks": 2,
        "promise_kept": True,
        "promise": "newest day 2026-11-17",
        "through": TUESDAY,
        "completeness": 0.5,
        "published_at": datetime(2026, 11, 19, 2, tzinfo=UTC),
        "seconds": 1.25,
        "serves": ["finance"],
        "description": "A lake with a shop's products to read: a daily one, a whole one with private columns in two majors.",
    }


def test_a_description_is_json_but_for_days_and_times(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    described = entry(shop.lake, Address("orders", "orders", 1)).describe(THURSDAY)

    assert json.loads(json.dumps(described, default=lambda value: value.isoformat()))["through"] == "2026-11-16"


def test_a_daily_product_is_late_by_its_newest_day(shop) -> None:
    shop.publish_orders({MONDAY: [10]})

    (found,) = catalogue(shop.lake)

    assert found.promise(TUESDAY_MORNING) == Kept(True, "newest day 2026-11-16")
    assert found.promise(THURSDAY) == Kept(False, "25 h 0 min late (due 08:00 UTC; last 2026-11-16)")


def test_a_whole_product_is_late_by_the_newest_day_its_inputs_cover(shop) -> None:
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)", through=MONDAY)

    (found,) = catalogue(shop.lake)

    assert found.newest_day() == MONDAY
    assert found.promise(TUESDAY_MORNING).kept
    assert not found.promise(THURSDAY).kept


def test_a_whole_product_of_inputs_without_days_is_late_by_its_publication(shop) -> None:
    shop.publish(shop.slim_profiles, "(SELECT 'c1' AS customer_id)")

    (found,) = catalogue(shop.lake)

    assert found.newest_day() is None
    assert found.promise(THURSDAY) == Kept(True, "published 2026-11-19 01:00 UTC")


def test_a_snapshot_that_does_not_verify_is_listed_with_the_reason(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_orders({TUESDAY: [11]})
    damage_newest(shop, shop.orders)

    (found,) = catalogue(shop.lake)

    assert (found.snapshot, found.product, found.newest_day()) == (None, {}, None)
    assert "orders.orders@1#1" in found.refused
    assert found.promise(THURSDAY) == Kept(False, found.refused)
    said = {name: value for name, value in found.describe(THURSDAY).items() if value is not None}
    assert said == {"address": "orders.orders@1", "refused": found.refused, "owner": "team:orders"}


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_bytes(b"PAR1")], ids=["gone", "cut"])
def test_a_snapshot_that_lost_a_file_is_listed_with_the_reason(shop, damage: Callable[[Path], object]) -> None:
    snapshot = shop.publish_orders({MONDAY: [10]})
    damage(Path(snapshot.place.storage.path(snapshot.files[0].path)))

    (found,) = catalogue(shop.lake)

    assert found.snapshot is None
    assert f"its file {snapshot.files[0].path}" in found.refused


def test_one_refused_product_leaves_the_others_listed(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_profiles()
    damage_newest(shop, shop.orders)

    assert [bool(found.refused) for found in catalogue(shop.lake)] == [False, True]


def test_an_entry_of_an_old_snapshot_describes_that_one(shop) -> None:
    shop.publish_orders({MONDAY: [10]})
    shop.publish_orders({TUESDAY: [11]})

    assert entry(shop.lake, Address("orders", "orders", 1, 0)).newest_day() == MONDAY


def test_there_is_no_entry_of_what_was_never_published(shop) -> None:
    with pytest.raises(NotPublished):
        entry(shop.lake, Address("orders", "orders", 1))
