"""The log of reads as rows: each read once, joined with its end, priced, and nothing lost when old days are packed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagmesh.consume.dated_id import dated_id, day_of
from dagmesh.consume.read_log import Asking, ReadLog, ReadRecord, Served
from dagmesh.consume.usage.reads import Reads, pack_old_days
from dagmesh.errors import MeshError
from dagmesh.model.address import Address

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = NOON.date()
LATE = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
ORDERS = Address("orders", "orders", 1, 0)


def asked(at: datetime, via: str = "http", principal: str = "anna@example.org") -> Asking:
    return Asking(principal, via, dated_id(at))


def read(at: datetime, reader: str = "finance", rows: int | None = 10, asking: Asking | None = None, **said: object) -> ReadRecord:
    return ReadRecord(at, reader, said.pop("address", ORDERS), rows=rows, asking=asking or asked(at), **said)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


def rows(con: duckdb.DuckDBPyConnection, log: ReadLog, columns: str, first: date = DAY, last: date | None = None) -> list[tuple]:
    return Reads(con, log).rows(first, last or first).order("day, read_at, read_id").project(columns).fetchall()


def test_an_identifier_says_the_day_on_which_it_was_made_and_others_say_none() -> None:
    assert day_of(dated_id(LATE)) == DAY
    assert dated_id(NOON) < dated_id(NOON + timedelta(milliseconds=1))
    assert [day_of(other) for other in ("", "q1", "0" * 32, "f47ac10b58cc4372a5670e02b2c3d479")] == [None] * 4


def test_a_read_is_one_row_with_its_end(con, tmp_path) -> None:
    log = ReadLog(tmp_path)
    asking = asked(NOON).again("SELECT 1")
    log.record(
        read(NOON, asking=asking, columns=("order_id",), purpose="Close the month.", grant="domains/orders/grants/finance.orders.yaml")
    )
    log.complete(asking.query, Served(3, 1200, 45), NOON + timedelta(seconds=1))

    day = datetime.now(UTC).date()  # `again` is asked now
    assert rows(
        con, log, "read_at, principal, reader, product, major, snapshot, columns, covered, served, size_bytes, milliseconds", day
    ) == [(NOON, "anna@example.org", "finance", "orders.orders", 1, 0, ["order_id"], 10, 3, 1200, 45)]
    assert rows(con, log, 'via, purpose, "grant", decision, outcome, statement, charge', day) == [
        ("http", "Close the month.", "domains/orders/grants/finance.orders.yaml", "allowed", "complete", asking.statement, None)
    ]


def test_an_end_on_the_next_day_is_joined_and_leaves_the_next_day_alone(con, tmp_path) -> None:
    log, asking = ReadLog(tmp_path), asked(LATE)
    log.record(read(LATE + timedelta(seconds=2), asking=asking))
    log.complete(asking.query, Served(3, 1200, 45), LATE + timedelta(seconds=5))

    assert rows(con, log, "served, outcome") == [(3, "complete")]
    assert rows(con, log, "served, outcome", DAY + timedelta(days=1)) == []


def test_an_end_on_the_next_day_is_joined_also_when_the_query_names_no_day(con, tmp_path) -> None:
    log = ReadLog(tmp_path)
    log.record(read(LATE, asking=Asking("anna@example.org", "http", "of-another-make")))
    log.complete("of-another-make", Served(3, 1200, 45), LATE + timedelta(seconds=5))

    assert [path.name for path in sorted((tmp_path / "reads").iterdir())] == ["2026-11-20.jsonl", "2026-11-21.jsonl"]
    assert rows(con, log, "served, outcome") == [(3, "complete")]


def test_a_killed_reader_shows_as_unfinished(con, tmp_path) -> None:
    code = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from dagmesh.consume.read_log import Asking, ReadLog, ReadRecord
from dagmesh.consume.usage.ending import ended
from dagmesh.model.address import Address
log, asking = ReadLog(Path(sys.argv[1])), Asking("anna@example.org", "cli")
with ended(log, asking.query):
    log.record(ReadRecord(datetime.now(UTC), "finance", Address("orders", "orders", 1, 0), rows=1, asking=asking))
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""
    began = datetime.now(UTC).date()

    codes = [subprocess.run([sys.executable, "-c", code, tmp_path, how], env=os.environ, check=False).returncode for how in ("killed", "")]

    assert codes == [-signal.SIGKILL, 0]
    assert rows(con, ReadLog(tmp_path), "outcome", began, datetime.now(UTC).date()) == [("unfinished",), ("complete",)]


def test_what_a_reader_computes_itself_is_handed_over_and_a_refusal_is_refused(con, tmp_path) -> None:
    log = ReadLog(tmp_path)
    log.record(read(NOON, asking=asked(NOON, "python")))
    log.record(ReadRecord(NOON + timedelta(seconds=1), "risk", ORDERS, decision="refused", why="Not served.", asking=asked(NOON)))

    assert rows(con, log, "outcome, why") == [("handed over", None), ("refused", "Not served.")]


@pytest.mark.parametrize("line", ["{", "1", "{}", '{"at": "2026-11-20T09:30:00+00:00"}', '{"at": "noon", "completes": "q"}'])
def test_a_damaged_line_is_no_evidence(con, tmp_path, line) -> None:
    log = ReadLog(tmp_path)
    log.record(read(NOON))
    path = tmp_path / "reads" / "2026-11-20.jsonl"
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(MeshError) as refusal:
        rows(con, log, "*")

    assert str(refusal.value) == f"{path}: line 2 is no record of a read: {line!r}. Put the file back as it was written."


# The price

PER_READ, PER_1000, PER_MONTH = ({"amount": "0.250", "currency": "EUR", "per": per} for per in ("read", "1000 rows", "month"))


def charges(con, tmp_path, *reads: ReadRecord, ends: dict[int, str] | None = None, served: int = 2000) -> list[Decimal | None]:
    log = ReadLog(tmp_path)
    for number, one in enumerate(reads):
        log.record(one)
        if outcome := (ends or {}).get(number):
            log.complete(one.asking.query, Served(served, 1, 1, outcome), one.at)
    return [charge for (charge,) in rows(con, log, "charge", DAY.replace(day=1), DAY)]


def test_a_read_costs_its_price_and_rows_cost_by_the_thousand(con, tmp_path) -> None:
    assert charges(con, tmp_path, read(NOON, price=PER_READ), read(NOON, rows=1234, price=PER_1000)) == [Decimal("0.25"), Decimal("0.3085")]


def test_rows_that_a_filter_leaves_unknown_cost_what_was_handed_out(con, tmp_path) -> None:
    assert charges(con, tmp_path, read(NOON, rows=None, price=PER_1000), ends={0: "complete"}) == [Decimal("0.5")]


def test_a_month_costs_once_for_each_reader_and_product(con, tmp_path) -> None:
    days = [NOON - timedelta(days=ago) for ago in (15, 3, 0)]
    found = charges(con, tmp_path, *(read(at, price=PER_MONTH) for at in days), read(NOON + timedelta(hours=1), "risk", price=PER_MONTH))

    assert found == [Decimal("0.25"), 0, 0, Decimal("0.25")]
    assert rows(con, ReadLog(tmp_path), "charge") == [(0,), (Decimal("0.25"),)]  # the day alone says the same


def test_a_late_end_changes_what_no_other_day_costs(con, tmp_path) -> None:
    first, second = read(NOON - timedelta(days=1), price=PER_MONTH), read(NOON, price=PER_MONTH)

    assert charges(con, tmp_path, first, second, ends={0: "failed"}) == [Decimal("0.25"), 0]


def test_a_failure_after_the_first_row_costs_what_a_whole_answer_does(con, tmp_path) -> None:
    assert charges(con, tmp_path, read(NOON, price=PER_READ), ends={0: "failed"}) == [Decimal("0.25")]


def test_the_owner_a_refusal_and_a_failure_before_the_first_row_cost_nothing(con, tmp_path) -> None:
    refused = ReadRecord(NOON, "finance", ORDERS, decision="refused", why="No.", asking=asked(NOON))
    found = charges(con, tmp_path, read(NOON, "orders", price=PER_READ), refused, read(NOON, price=PER_READ), ends={2: "failed"}, served=0)

    assert found == [None] * 3


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["finance", "risk"]), st.integers(0, 10**6)), max_size=20),
    st.sampled_from(["read", "1000 rows"]),
)
@example([(1, "finance", 999), (10**9, "risk", 1)], "1000 rows")
def test_the_sum_of_the_charges_is_the_price_of_the_sum(tmp_path_factory, reads, per) -> None:
    log = ReadLog(tmp_path_factory.mktemp("home"))
    for count, reader, amount in reads:
        price = {"amount": str(Decimal(amount) / 1000), "currency": "EUR", "per": per}
        log.record(read(NOON, reader, count, price=price))

    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        total = sum(charge for (charge,) in rows(con, log, "charge"))

    exact = sum(Fraction(amount, 1000) * (Fraction(count, 1000) if per == "1000 rows" else 1) for count, _, amount in reads)
    assert Fraction(total) == exact


# Packing


def test_a_packed_day_has_every_line_as_it_was_written_and_says_the_same(con, tmp_path) -> None:
    log, asking = ReadLog(tmp_path), asked(NOON)
    log.record(read(NOON, asking=asking, purpose="a\u2028b\u0085c ☃", price=PER_1000))
    log.record(read(NOON, rows=None))
    log.complete(asking.query, Served(3, 1200, 45), NOON)
    lines, size, said = log.days.lines(DAY), log.days.size(DAY), rows(con, log, "*")

    assert pack_old_days(log, NOON + timedelta(days=1)) == []
    assert pack_old_days(log, NOON + timedelta(days=3)) == [DAY]

    assert [path.name for path in (tmp_path / "reads").iterdir()] == [f"2026-11-20.{size}.parquet"]
    assert (log.days.lines(DAY), log.days.size(DAY), log.days.days()) == (lines, size, [DAY])
    assert rows(con, log, "*") == said
    assert [one["purpose"] for one in log.reads("orders.orders", NOON)] == ["a\u2028b\u0085c ☃", None]


def test_an_end_that_comes_after_packing_is_joined_and_packed_in_its_turn(con, tmp_path) -> None:
    log, asking = ReadLog(tmp_path), asked(NOON)
    log.record(read(NOON, asking=asking))
    pack_old_days(log, NOON + timedelta(days=3))

    log.complete(asking.query, Served(3, 1200, 45), NOON + timedelta(days=4))

    assert rows(con, log, "read_id, outcome") == [("2026-11-20.1", "complete")]
    assert pack_old_days(log, NOON + timedelta(days=5)) == [DAY]
    assert rows(con, log, "read_id, outcome") == [("2026-11-20.1", "complete")]
    assert len(list((tmp_path / "reads").iterdir())) == 1


def test_a_crash_that_leaves_both_files_counts_nothing_twice(con, tmp_path) -> None:
    log = ReadLog(tmp_path)
    log.record(read(NOON))
    left = log.days.path(DAY).read_bytes()
    pack_old_days(log, NOON + timedelta(days=3))
    log.days.path(DAY).write_bytes(left)

    assert len(log.days.lines(DAY)) == len(rows(con, log, "*")) == 1
    assert pack_old_days(log, NOON + timedelta(days=3)) == [DAY]
    assert (len(log.days.lines(DAY)), len(list((tmp_path / "reads").iterdir()))) == (1, 1)


def test_a_damaged_day_is_not_packed(tmp_path) -> None:
    log = ReadLog(tmp_path)
    log.record(read(NOON))
    path = log.days.path(DAY)
    path.write_text(path.read_text() + "{\n")

    with pytest.raises(MeshError, match="line 2 is no record of a read"):
        pack_old_days(log, NOON + timedelta(days=3))

    assert path.read_text().endswith("{\n")
