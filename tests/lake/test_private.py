"""Private tables: any rows, replaced whole or day by day at once, seen by their domain only."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dagmesh.errors import AuditRefused, MeshError, NotPublished
from dagmesh.lake.private import PrivateTable

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)
MADE_OF = {A: "a", B: "b", C: "c", None: "whole"}
SQL = f"(SELECT DATE '{A}' + (i % 2)::INT AS day, i AS event_id FROM range(4) r(i))"


@pytest.fixture
def table(shop) -> PrivateTable:
    return shop.lake.private("orders").table("events")


def rows(shop, table: PrivateTable, days=None) -> list[tuple]:
    return sorted(shop.con.sql(f"FROM {table.sql(days)}").fetchall())


def test_a_daily_table_is_written_for_a_range_of_days(shop, table: PrivateTable) -> None:
    written = table.write(shop.con, SQL, [A, B, C], made_of=MADE_OF)

    assert written == {A: 2, B: 2, C: 0}
    assert rows(shop, table) == [(A, 0), (A, 2), (B, 1), (B, 3)]
    assert rows(shop, table, [B]) == [(B, 1), (B, 3)]
    assert rows(shop, table, [C]) == []
    assert list(table.days()) == [A, B, C]
    assert table.fingerprints() == {A: "a", B: "b", C: "c"}


def test_writing_replaces_exactly_the_days_given(shop, table: PrivateTable) -> None:
    table.write(shop.con, SQL, [A, B], made_of=MADE_OF)

    table.write(shop.con, f"(SELECT DATE '{B}' AS day, 9 AS event_id)", [B], made_of={B: "again"})

    assert rows(shop, table) == [(A, 0), (A, 2), (B, 9)]
    assert table.fingerprints() == {A: "a", B: "again"}


def test_a_whole_table_is_replaced_whole(shop, table: PrivateTable) -> None:
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)

    assert table.write(shop.con, "(SELECT unnest([2, 3]) AS x)", made_of=MADE_OF) == {None: 2}

    assert rows(shop, table) == [(2,), (3,)]
    assert table.days() == {}
    assert table.fingerprints() == {None: "whole"}


def test_a_table_may_become_daily(shop, table: PrivateTable) -> None:
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)

    table.write(shop.con, SQL, [A, B], made_of=MADE_OF)

    assert rows(shop, table) == [(A, 0), (A, 2), (B, 1), (B, 3)]
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)
    assert rows(shop, table) == [(1,)]


@pytest.mark.parametrize(
    "make",
    [
        lambda con: "(SELECT 1 AS x, 'a' AS y)",
        lambda con: con.sql("SELECT 1 AS x, 'a' AS y"),
        lambda con: con.cursor().sql("SELECT 1 AS x, 'a' AS y"),
        lambda con: pd.DataFrame({"x": [1], "y": ["a"]}),
        lambda con: pl.DataFrame({"x": [1], "y": ["a"]}),
        lambda con: pa.table({"x": [1], "y": ["a"]}),
    ],
    ids=["text", "relation", "relation of another cursor", "pandas", "polars", "arrow"],
)
def test_rows_come_in_any_form(shop, table: PrivateTable, make) -> None:
    table.write(shop.con, make(shop.con), made_of=MADE_OF)

    assert rows(shop, table) == [(1, "a")]


def test_a_relation_over_a_frame_of_the_assets_own_can_be_written(shop, table: PrivateTable) -> None:
    def asset(con):
        frame = pd.DataFrame({"x": [1, 2]})  # noqa: F841 - DuckDB finds it by its name
        return con.sql("SELECT sum(x) AS total FROM frame")

    table.write(shop.con, asset(shop.con.cursor()), made_of=MADE_OF)

    assert rows(shop, table) == [(3,)]


def test_columns_may_change_from_day_to_day(shop, table: PrivateTable) -> None:
    table.write(shop.con, f"(SELECT DATE '{A}' AS day, 1 AS event_id)", [A], made_of=MADE_OF)
    table.write(shop.con, f"(SELECT DATE '{B}' AS day, 2 AS event_id, 'red' AS colour)", [B], made_of=MADE_OF)

    assert shop.con.sql(f"FROM {table.sql()}").columns == ["day", "event_id", "colour"]
    assert rows(shop, table, [B]) == [(B, 2, "red")]
    assert shop.con.sql(f"SELECT colour FROM {table.sql()} ORDER BY day").fetchall() == [(None,), ("red",)]


def test_the_digest_changes_only_with_the_content(shop, table: PrivateTable) -> None:
    table.write(shop.con, SQL, [A, B], made_of=MADE_OF)
    before, days = table.digest(), table.days()

    table.write(shop.con, f"(SELECT DATE '{A}' AS day, unnest([0, 2]::BIGINT[]) AS event_id)", [A], made_of=MADE_OF)
    assert (table.digest(), table.days()) == (before, days)

    table.write(shop.con, f"(SELECT DATE '{A}' AS day, 7::BIGINT AS event_id)", [A], made_of=MADE_OF)
    assert table.digest() != before
    assert table.days()[A] != days[A]
    assert table.days()[B] == days[B]


def test_completeness_is_the_lowest_of_the_days_chosen(shop, table: PrivateTable) -> None:
    table.write(shop.con, SQL, [A, B, C], made_of=MADE_OF, completeness={A: 0.5, B: 0.9})

    assert table.completeness() == 0.5
    assert table.completeness([B, C]) == 0.9
    assert table.completeness([C]) == 1.0


def test_rows_of_other_days_are_refused_and_nothing_changes(shop, table: PrivateTable) -> None:
    table.write(shop.con, SQL, [A, B], made_of=MADE_OF)

    with pytest.raises(AuditRefused, match=r"orders's private table events: 2 rows have day 2100-01-02; the run was asked for 2100-01-01"):
        table.write(shop.con, SQL, [A], made_of=MADE_OF)

    assert rows(shop, table) == [(A, 0), (A, 2), (B, 1), (B, 3)]
    assert len(list(table.folder.rglob("*.parquet"))) == 2


def test_a_daily_table_needs_a_date_column_day(shop, table: PrivateTable) -> None:
    with pytest.raises(MeshError) as refused:
        table.write(shop.con, "(SELECT 1 AS x)", [A], made_of=MADE_OF)

    assert str(refused.value) == (
        "orders's private table events is made day by day, and its rows have no column 'day'; give them a DATE column 'day': "
        "the UTC day a row belongs to."
    )
    with pytest.raises(MeshError, match="its rows have 'day' as VARCHAR"):
        table.write(shop.con, f"(SELECT '{A}' AS day, 1 AS x)", [A], made_of=MADE_OF)


def test_what_was_never_written_does_not_exist(shop, table: PrivateTable) -> None:
    assert not table.exists()
    assert (table.days(), table.fingerprints(), table.completeness()) == ({}, {}, 1.0)
    with pytest.raises(NotPublished, match="orders's private table events was never written; run its asset first"):
        table.sql()


def test_a_reader_that_began_before_a_replacement_ends_with_what_it_began(shop, table: PrivateTable) -> None:
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)
    before = table.sql()

    table.write(shop.con, "(SELECT 2 AS x)", made_of=MADE_OF)

    assert shop.con.sql(f"FROM {before}").fetchall() == [(1,)]


def test_writers_of_different_days_at_once_lose_nothing(shop, table: PrivateTable) -> None:
    days = [date.fromordinal(A.toordinal() + n) for n in range(24)]

    def write(day: date) -> None:
        with shop.con.cursor() as con:
            table.write(con, f"(SELECT DATE '{day}' AS day, 1 AS x)", [day], made_of={day: "x"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, days))

    assert rows(shop, table) == [(day, 1) for day in days]


def test_only_the_owner_can_enter_a_private_table(shop, table: PrivateTable) -> None:
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)

    for folder in (table.folder, shop.lake.home / "home/orders"):
        assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"


def test_the_tables_of_a_domain_are_listed(shop, table: PrivateTable) -> None:
    store = shop.lake.private("orders")
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)

    assert store.names() == ["events"]
    assert shop.lake.private("finance").names() == []


def test_replaced_files_are_removed_once_nobody_can_still_be_reading_them(shop, table: PrivateTable) -> None:
    table.write(shop.con, "(SELECT 1 AS x)", made_of=MADE_OF)
    old = next(table.folder.glob("*.parquet"))
    os.utime(old, (0, 0))
    table.write(shop.con, "(SELECT 2 AS x)", made_of=MADE_OF)

    assert table.remove_abandoned(datetime(2020, 1, 1, tzinfo=UTC)) == []
    assert table.remove_abandoned(datetime(2100, 1, 1, tzinfo=UTC)) == [old.name]
    assert rows(shop, table) == [(2,)]
