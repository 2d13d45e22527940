"""Parquet files that a private table takes as they are: the same bytes where the code gives back a scan of them, rows otherwise."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagmesh.errors import AuditRefused, MeshError
from dagmesh.lake.private import PrivateTable

A, B = date(2100, 1, 1), date(2100, 1, 2)
MADE_OF = {A: "a", B: "b", None: "whole"}
Con = duckdb.DuckDBPyConnection
Rows = Callable[[Con, list[str]], object]


@pytest.fixture
def table(shop) -> PrivateTable:
    return shop.lake.private("orders").table("lines")


@pytest.fixture
def files(shop, tmp_path: Path) -> list[str]:
    """A file of three lines a day, in a folder of the day's name."""
    for day in (A, B):
        (tmp_path / f"day={day}").mkdir()
        shop.con.execute(f"COPY (SELECT i AS line, 'ä' AS note FROM range(3) r(i)) TO '{tmp_path}/day={day}/p.parquet' (FORMAT parquet)")
    return [f"{tmp_path}/day={day}/p.parquet" for day in (A, B)]


def stored(table: PrivateTable) -> set[str]:
    """The hashes of the table's files."""
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in table.folder.rglob("*.parquet")}


def given(files: list[str]) -> set[str]:
    return {hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}


def rows(shop, table: PrivateTable) -> list[tuple]:
    return sorted(shop.con.sql(f"SELECT day, line, note FROM {table.sql()}").fetchall())


LINES = [(day, line, "ä") for day in (A, B) for line in range(3)]


def test_a_scan_of_a_file_a_day_is_taken_byte_for_byte(shop, table: PrivateTable, files: list[str]) -> None:
    written = table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)

    assert written == {A: 3, B: 3}
    assert rows(shop, table) == LINES
    assert stored(table) == given(files)


def test_what_is_taken_stays_when_the_source_is_written_over(shop, table: PrivateTable, files: list[str]) -> None:
    table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)

    with Path(files[0]).open("r+b") as file:  # in place: the same inode
        file.truncate(7)

    assert rows(shop, table) == LINES


def test_the_digest_of_what_is_taken_changes_with_its_bytes(shop, table: PrivateTable, files: list[str]) -> None:
    table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)
    before = table.days()

    table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)
    again = table.days()
    shop.con.execute(f"COPY (SELECT i + 1 AS line, 'ä' AS note FROM range(3) r(i)) TO '{files[0]}' (FORMAT parquet)")
    table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)

    assert again == before
    assert [table.days()[day] == before[day] for day in (A, B)] == [False, True]


def test_a_whole_table_takes_its_files_too(shop, table: PrivateTable, files: list[str]) -> None:
    table.write(shop.con, shop.con.read_parquet(files[0]), made_of=MADE_OF)

    assert stored(table) == given(files[:1])
    assert sorted(shop.con.sql(f"FROM {table.sql()}").fetchall()) == [(line, "ä") for line in range(3)]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda con, files: con.read_parquet(files, hive_partitioning=True).filter("line >= 0"), id="filtered"),
        pytest.param(lambda con, files: con.read_parquet(files, hive_partitioning=True).project("line, note, day"), id="projected"),
        pytest.param(lambda con, files: con.read_parquet(files, hive_partitioning=True).limit(9), id="limited"),
        pytest.param(lambda con, files: con.read_parquet(files, hive_partitioning=True).distinct(), id="distinct"),
        pytest.param(lambda con, files: con.read_parquet(files, hive_partitioning=True, union_by_name=True), id="by name"),
        pytest.param(
            lambda con, files: con.read_parquet(str(Path(files[0]).parents[1] / "*/p.parquet"), hive_partitioning=True), id="pattern"
        ),
        pytest.param(lambda con, files: con.sql(f"FROM read_parquet({files}, hive_partitioning = true)"), id="own SQL"),
    ],
)
def test_whatever_else_is_asked_of_the_rows_they_are_written(shop, table: PrivateTable, files: list[str], make: Rows) -> None:
    table.write(shop.con, make(shop.con, files), [A, B], made_of=MADE_OF)

    assert rows(shop, table) == LINES
    assert not stored(table) & given(files)


def test_a_column_that_reading_adds_is_written(shop, table: PrivateTable, files: list[str]) -> None:
    table.write(shop.con, shop.con.read_parquet(files[0], file_row_number=True), made_of=MADE_OF)

    assert sorted(shop.con.sql(f"SELECT line, file_row_number FROM {table.sql()}").fetchall()) == [(line, line) for line in range(3)]


def test_files_of_other_columns_are_written_in_one_form(shop, table: PrivateTable, files: list[str]) -> None:
    shop.con.execute(f"COPY (SELECT i::INTEGER AS line, 'ä' AS note FROM range(3) r(i)) TO '{files[1]}' (FORMAT parquet)")

    table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A, B], made_of=MADE_OF)

    assert rows(shop, table) == LINES
    assert not stored(table) & given(files)


def test_a_day_without_a_file_has_no_rows(shop, table: PrivateTable, files: list[str]) -> None:
    written = table.write(shop.con, shop.con.read_parquet(files[:1], hive_partitioning=True), [A, B], made_of=MADE_OF)

    assert written == {A: 3, B: 0}


def test_files_of_other_days_are_refused(shop, table: PrivateTable, files: list[str]) -> None:
    with pytest.raises(AuditRefused, match="3 rows have day 2100-01-02; the run was asked for 2100-01-01"):
        table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=True), [A], made_of=MADE_OF)


def test_a_folders_day_is_no_column_unless_it_is_asked_for(shop, table: PrivateTable, files: list[str]) -> None:
    with pytest.raises(MeshError, match="no column 'day'"):
        table.write(shop.con, shop.con.read_parquet(files, hive_partitioning=False), [A, B], made_of=MADE_OF)
