"""The platform's records by day: publications, promises, use, bill; and the state that says whether a day has more."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from dagmesh.consume.dated_id import dated_id
from dagmesh.consume.read_log import Asking, ReadLog, ReadRecord, Served
from dagmesh.consume.usage.feedback import FeedbackLog, Said
from dagmesh.consume.usage.reads import pack_old_days
from dagmesh.consume.usage.records import RECORD_KINDS, Records
from dagmesh.consume.usage.use import BillLine, Use, bill_of, use_of
from dagmesh.errors import MeshError
from dagmesh.lake.keys import key_name
from dagmesh.model.address import Address
from dagmesh.orchestrate.mesh_records import records

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 11, day) for day in (16, 17, 18, 19))


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_a_day_has_the_publications_of_that_day_alone(shop) -> None:
    for moment, day in ((at(TUESDAY, 1), MONDAY), (at(WEDNESDAY, 1), TUESDAY), (at(WEDNESDAY, 9), TUESDAY)):
        shop.now = moment
        shop.publish_orders({day: [10, 11]})

    found = Records(shop.lake).publications([TUESDAY, WEDNESDAY]).to_pylist()

    assert [(row["day"], row["product"], row["snapshot"], row["published_at"].hour) for row in found] == [
        (TUESDAY, "orders.orders", 0, 2), (WEDNESDAY, "orders.orders", 1, 2), (WEDNESDAY, "orders.orders", 2, 10),
    ]  # fmt: skip
    assert (found[1]["newest_day"], found[1]["row_count"], found[1]["published_days"], found[1]["owner"]) == (TUESDAY, 4, 1, "team:orders")


def test_a_table_that_is_another_one_is_looked_at_anew(shop, tmp_path) -> None:
    shop.now = at(TUESDAY, 1)
    shop.publish_orders({MONDAY: [10]})
    assert Records(shop.lake).state("publications", TUESDAY) == "orders.orders@1#0"

    (tmp_path / "lake/orders/orders/v1").rename(tmp_path / "away")
    shop.now = at(WEDNESDAY, 1)
    shop.publish_orders({MONDAY: [10]})

    assert [Records(shop.lake).state("publications", day) for day in (TUESDAY, WEDNESDAY)] == ["", "orders.orders@1#0"]


def test_a_promise_is_judged_when_it_is_due_by_what_was_published_then(shop) -> None:
    shop.now = at(TUESDAY, 6)
    shop.publish_orders({MONDAY: [10]})  # at 7, due at 8
    shop.now = at(WEDNESDAY, 9)
    shop.publish_orders({TUESDAY: [11]})  # at 10, two hours late

    found = Records(shop.lake).promises([MONDAY, TUESDAY, WEDNESDAY, THURSDAY]).to_pylist()

    assert [(row["day"], row["is_kept"], row["newest_day"], row["words"]) for row in found] == [
        (TUESDAY, True, MONDAY, "newest day 2026-11-16"),
        (WEDNESDAY, False, MONDAY, "0 min late (due 08:00 UTC; last 2026-11-16)"),
        (THURSDAY, False, TUESDAY, "0 min late (due 08:00 UTC; last 2026-11-17)"),
    ]
    assert {row["due_at"].hour for row in found} == {8}


def test_a_product_without_days_is_asked_at_the_end_of_the_day(shop) -> None:
    shop.now = at(TUESDAY, 6)
    shop.publish_profiles()

    found = Records(shop.lake).promises([MONDAY, TUESDAY, WEDNESDAY]).to_pylist()

    assert [(row["day"], row["is_kept"]) for row in found] == [(TUESDAY, True), (WEDNESDAY, False)]


def test_a_forged_publication_is_no_record(shop) -> None:
    shop.now = at(TUESDAY, 1)
    shop.publish_orders({MONDAY: [10]})
    shop.lake.storage.remove(key_name("orders"))

    assert Records(shop.lake).publications([TUESDAY]).num_rows == 0
    assert Records(shop.lake).promises([TUESDAY]).num_rows == 0


def test_the_state_of_a_day_changes_with_what_is_recorded_of_it_and_with_nothing_else(shop) -> None:
    def states(day: date) -> list[str]:
        return [Records(shop.lake).state(kind, day) for kind in RECORD_KINDS]

    log, today = ReadLog(shop.lake.home), datetime.now(UTC).date()
    early = Asking("anna", "http", dated_id(at(MONDAY, 12)))
    log.record(ReadRecord(at(MONDAY, 12), "finance", Address("orders", "orders", 1, 0), asking=early))
    before = states(MONDAY), states(today)
    shop.publish_profiles()  # at another day of the shop's clock
    shop.resolver("marketing", asking=Asking("anna", "http")).resolve("customers.profiles")

    assert states(MONDAY) == before[0]
    assert states(today)[0] != before[1][0]
    log.complete(early.query, Served(1, 1, 1), datetime.now(UTC))
    changed = states(MONDAY)
    assert changed[0] != before[0][0]
    pack_old_days(log, datetime.now(UTC))
    assert states(MONDAY) == changed


def test_an_answer_changes_the_day_on_which_the_question_was_asked(shop, monkeypatch) -> None:
    from dagmesh.consume.identity.principal import Principal

    shop.publish_profiles()
    log = FeedbackLog(shop.lake.home)
    anna = Principal("anna", "marketing")
    given = log.give(anna, shop.resolver("marketing"), "customers.profiles", Said("comment", text="Since when?"))
    day = given.at.date()
    before = Records(shop.lake).state("feedback", day)

    log.answer(Principal("olga", "customers", roles=frozenset({"owner"})), given.id, "Since May.")

    assert Records(shop.lake).state("feedback", day) != before
    (row,) = Records(shop.lake).feedback([day]).to_pylist()
    assert (row["author"], row["kind"], row["is_open"], row["answers"], row["row_key"]) == ("anna", "comment", False, 1, None)


def test_records_that_are_not_kept_are_refused() -> None:
    with pytest.raises(MeshError) as refusal:
        records("gossip")

    assert str(refusal.value) == (
        "dm.records('gossip'): the platform keeps no such records; choose reads, publications, promises or feedback."
    )


# Use and bill

PRICE = {"amount": "0.5", "currency": "EUR", "per": "read"}


def logged(home, *reads: tuple[str, str, datetime, dict | None]) -> None:
    for reader, principal, moment, price in reads:
        asking = Asking(principal, "http", dated_id(moment))
        ReadLog(home).record(ReadRecord(moment, reader, Address("orders", "orders", 1, 0), rows=10, asking=asking, price=price))
        ReadLog(home).complete(asking.query, Served(3, 100, 5), moment)


def test_an_owner_sees_the_use_of_each_consumer_since_a_moment(tmp_path) -> None:
    logged(
        tmp_path,
        ("finance", "anna", at(MONDAY, 9), None),
        ("finance", "bert", at(TUESDAY, 9), None),
        ("finance", "bert", at(TUESDAY, 10), None),
    )
    ReadLog(tmp_path).record(ReadRecord(at(TUESDAY, 11), "risk", Address("orders", "orders", 1), decision="refused", why="No."))

    found = use_of(tmp_path, Address("orders", "orders"), at(TUESDAY, 0))

    assert found == [
        Use("orders.orders", 1, "finance", 2, 0, 20, 200, 1, at(TUESDAY, 10)),
        Use("orders.orders", 1, "risk", 0, 1, 0, 0, 0, None),
    ]
    assert [use.reads for use in use_of(tmp_path, None, at(MONDAY, 0))] == [3, 0]
    assert use_of(tmp_path, Address("orders", "orders", 2), at(MONDAY, 0)) == use_of(tmp_path / "nowhere", None, at(MONDAY, 0)) == []


def test_a_bill_is_of_one_month_and_for_who_owes_and_who_is_owed(tmp_path) -> None:
    last, first = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 1, 0, tzinfo=UTC)
    logged(tmp_path, ("finance", "anna", last, PRICE), ("finance", "anna", first, PRICE), ("finance", "anna", at(MONDAY, 9), PRICE))
    logged(tmp_path, ("risk", "anna", at(MONDAY, 9), None), ("orders", "anna", at(MONDAY, 9), PRICE))

    line = BillLine(date(2026, 11, 1), "finance", "orders.orders", 1, "read", "EUR", 2, 20, Decimal("1.000000"))
    assert bill_of(tmp_path, MONDAY) == bill_of(tmp_path, MONDAY, "orders") == bill_of(tmp_path, MONDAY, "finance") == [line]
    assert bill_of(tmp_path, MONDAY, "risk") == []
    assert [line.reads for line in bill_of(tmp_path, last.date())] == [1]


def test_use_costs_the_days_asked_for(tmp_path, monkeypatch) -> None:
    logged(tmp_path, *(("finance", "anna", at(MONDAY, 9) - timedelta(days=31 * back), None) for back in range(3)))
    opened = []
    lines = type(ReadLog(tmp_path).days).lines
    monkeypatch.setattr("dagmesh.consume.day_log.DayLog.lines", lambda self, day: opened.append(day) or lines(self, day))

    use_of(tmp_path, None, at(MONDAY, 0))

    assert opened == [MONDAY]
