"""The plan: each rule judged the cheapest sure way, and never by what another's statistics say."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.strategies import product

import dagmesh as dm
from dagmesh.audit.audit import audit, judged
from dagmesh.audit.compile import compiled
from dagmesh.audit.plan import ROWS_WORTH_A_FOOTER, ROWS_WORTH_A_LOOK, Plan, planned, proved
from dagmesh.audit.scan import Staged
from dagmesh.model.contract import Contract

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
NAN, INFINITE = float("nan"), float("inf")


class Sales(dm.Contract):
    """One row per sale."""

    sale: int = dm.field(key=True, ge=1, ne=8, description="Number.")
    code: str = dm.field(unique=True, min_length=2, ge="A", description="Code, different in each row.")
    country: str | None = dm.field(isin=["DE", "FR"], max_length=2, matches="[A-Z]+", description="Country.")
    price: Decimal = dm.field(ge=0, le=100, description="Price.")
    rate: float | None = dm.field(ge=0, le=1, description="Rate.")
    sold_at: datetime = dm.field(ge=datetime(2020, 1, 1, tzinfo=UTC), description="When.")
    paid_at: datetime | None = dm.field(ge=dm.column("sold_at"), description="When.")

    @dm.check("sale", description="sale is odd", row_wise=True)
    def is_odd(cls, series: pd.Series[int]) -> pd.Series[bool]:
        return series % 2 == 1


WAYS = {
    "sale__not_null": "footer",
    "sale__ge": "footer",
    "sale__ne": "fused",
    "sale__unique": "bitmap",
    "code__not_null": "footer",
    "code__unique": "hash",
    "code__min_length": "fused",
    "code__ge": "pruned",
    "country__isin": "pruned",
    "country__max_length": "pruned",
    "country__matches": "pruned",
    "price__not_null": "footer",
    "price__ge": "footer",
    "price__le": "footer",
    "rate__ge": "footer",
    "rate__le": "footer",
    "sold_at__not_null": "footer",
    "sold_at__ge": "footer",
    "paid_at__ge_sold_at": "fused",
    "is_odd": "pandera",
}
GOOD = """SELECT 2 * range + 1 AS sale, 'C' || range || uuid()::VARCHAR AS code, ['DE', 'FR', NULL][1 + (range % 3)::INTEGER] AS country,
    (range % 100)::DECIMAL(18,2) AS price, (range % 100) / 100.0 AS rate,
    TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(range) AS sold_at, TIMESTAMPTZ '2027-01-01 00:00:00+00' AS paid_at FROM range(3000)"""


def written(con: duckdb.DuckDBPyConnection, path: Path, select: str) -> dict[str, int]:
    """The file that DuckDB writes of it, said to be large enough that its footer is worth a look."""
    con.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return {str(path): ROWS_WORTH_A_LOOK}


def plan_of(con: duckdb.DuckDBPyConnection, contract: type[Contract], files: dict[str, int], day: str | None = None) -> Plan:
    return planned(con, Staged(f"read_parquet({list(files)})", day, files), contract, compiled(contract))


def failing(con: duckdb.DuckDBPyConnection, contract: type[Contract], files: dict[str, int]) -> dict[str, int]:
    results = judged(con, f"read_parquet({list(files)})", product(contract, None), files=files)
    return {result.name: result.failing_rows for result in results if result.failing_rows}


def one_column(annotation: Any, **rules: Any) -> type[Contract]:
    namespace = {"__doc__": "One.", "__annotations__": {"c": annotation}, "c": dm.field(description="Any.", **rules)}
    made: type[Contract] = type("One", (Contract,), namespace)
    assert not made.problems
    return made


def test_each_rule_goes_the_cheapest_way(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "sales.parquet", GOOD)

    plan = plan_of(con, Sales, files)

    assert dict(plan.ways) == WAYS
    assert proved(con, plan) == {name for name, way in WAYS.items() if way in ("footer", "pruned")}
    assert failing(con, Sales, files) == {}


@pytest.mark.parametrize("bad", ["NULL", "'de'", "'ÄÖ'"])
def test_a_pattern_is_asked_of_each_value_of_a_dictionary_in_every_row_group(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, bad: str
) -> None:
    countries = f"CASE WHEN range = 6000 THEN {bad} ELSE ['DE', 'FR', 'IT'][1 + (range % 3)::INTEGER] END"
    con.execute(f"COPY (SELECT {countries} AS c FROM range(8192)) TO '{tmp_path}/c.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    files, contract = {f"{tmp_path}/c.parquet": ROWS_WORTH_A_LOOK}, one_column(str | None, matches="[A-Z]+$", contains="^[A-Z]{2}$")

    plan = plan_of(con, contract, files)

    assert set(plan.ways.values()) == {"pruned"}
    assert proved(con, plan) == ({"c__matches", "c__contains"} if bad == "NULL" else frozenset())
    assert failing(con, contract, files) == ({} if bad == "NULL" else {"c__matches": 1, "c__contains": 1})


def test_a_pattern_of_values_that_are_no_dictionary_is_asked_of_each_row(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "c.parquet", "SELECT uuid()::VARCHAR AS c FROM range(3000)")

    assert plan_of(con, one_column(str, matches="[0-9a-f-]+$"), files).ways["c__matches"] == "fused"


def test_small_files_are_read_once_and_their_footers_not_at_all(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (path,) = written(con, tmp_path / "sales.parquet", GOOD)
    con.execute("CALL enable_logging('QueryLog')")

    plan = plan_of(con, Sales, {path: ROWS_WORTH_A_FOOTER - 1})
    audit(con, f"read_parquet('{path}')", product(Sales, None), files={path: ROWS_WORTH_A_FOOTER - 1})

    statements = [row[0] for row in con.execute("SELECT message FROM duckdb_logs WHERE message LIKE '%parquet%'").fetchall()]
    assert set(plan.ways.values()) == {"fused", "hash", "pandera"}
    assert len(statements) == 3  # DESCRIBE, the scan, what Pandera needs
    assert not any("metadata" in statement for statement in statements)


def test_no_good_row_is_read_for_a_rule_that_footers_and_dictionaries_answer(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    class Answered(dm.Contract):
        """One row per row."""

        sale: int = dm.field(ge=1, description="Number.")
        country: str = dm.field(isin=["DE", "FR"], description="Country.")

    rows = "SELECT range + 1 AS sale, ['DE', 'FR'][1 + (range % 2)::INTEGER] AS country FROM range(300_000)"
    files = written(con, tmp_path / "sales.parquet", rows)
    con.execute("CALL enable_logging('QueryLog')")

    assert failing(con, Answered, files) == {}

    (scan,) = con.execute("SELECT message FROM duckdb_logs WHERE message LIKE '%SELECT NULL::DATE%'").fetchall()
    assert "sale" not in scan[0].partition("read_parquet")[0]
    assert "country" not in scan[0].partition("read_parquet")[0]


@pytest.mark.parametrize("number", [-5, 5])
@pytest.mark.parametrize("files", [True, False])
def test_a_file_whose_statistics_lie_is_judged_by_its_values(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, number: int, files: bool
) -> None:
    far = number * 2**40 + 77
    path = tmp_path / "lie.parquet"
    pq.write_table(pa.table({"c": pa.array([5, 6, far, 7], pa.int64())}), path, compression="none", use_dictionary=False)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    lied = content[footer:].replace(struct.pack("<q", far), struct.pack("<q", 6))
    path.write_bytes(content[:footer] + lied)
    sql, contract = f"read_parquet('{path}')", one_column(int, ge=0, le=100)
    assert con.execute(f"SELECT min(c) >= 5 AND max(c) <= 7 FROM {sql}").fetchall() == [(True,)]

    report = audit(con, sql, product(contract, None), files={str(path): ROWS_WORTH_A_LOOK} if files else None)

    assert [(result.name, result.failing_rows) for result in report.failed] == [("c__ge" if number < 0 else "c__le", 1)]
    assert report.failed[0].samples == ({"c": far},)


def test_a_file_of_another_release_of_duckdb_is_judged_by_its_values(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "old.parquet", "SELECT 1 AS c")
    path, version = Path(next(iter(files))), duckdb.__version__.encode()
    content = path.read_bytes()
    assert content.count(b"version v" + version) == 1
    path.write_bytes(content.replace(b"version v" + version, b"version v" + b"1" + version[1:]))

    assert plan_of(con, one_column(int, ge=0), files).ways == {"c__not_null": "fused", "c__ge": "fused"}


def test_one_file_of_another_writer_among_ours_is_enough_to_read_all(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "ours.parquet", "SELECT 1 AS c")
    pq.write_table(pa.table({"c": pa.array([1], pa.int64())}), tmp_path / "theirs.parquet")
    files[str(tmp_path / "theirs.parquet")] = ROWS_WORTH_A_LOOK

    assert set(plan_of(con, one_column(int, ge=0), files).ways.values()) == {"fused"}


@pytest.mark.parametrize(
    ("annotation", "kind", "rules", "values", "expected"),
    [
        (int, "BIGINT", {"ge": 1}, ["1", "NULL"], {"c__not_null": 1}),
        (int, "BIGINT", {"le": 2}, ["1", "3"], {"c__le": 1}),
        (int, "BIGINT", {"eq": 2}, ["1", "3"], {"c__eq": 2}),
        (int, "BIGINT", {"ne": 2}, ["1", "2", "3"], {"c__ne": 1}),
        (int | None, "BIGINT", {"ge": 2**70}, ["1", "NULL"], {"c__ge": 1}),
        (int | None, "BIGINT", {"ge": 1}, ["NULL", "NULL"], {}),
        (float, "DOUBLE", {"le": 1}, ["0", "'nan'", "2"], {"c__not_null": 1, "c__le": 1}),
        (float, "DOUBLE", {"le": 1}, ["0", "'nan'", "1"], {"c__not_null": 1}),
        (float | None, "DOUBLE", {"lt": 10**308}, ["'inf'", "'-inf'", "NULL"], {"c__lt": 1}),
        (float | None, "DOUBLE", {"ge": 0.1}, ["0.1", "0.09999999999999999"], {"c__ge": 1}),
        (float | None, "DOUBLE", {"ge": 0}, ["-0.0", "-5e-324"], {"c__ge": 1}),
        (Decimal, "DECIMAL(18,2)", {"ge": Decimal("-0.005")}, ["0.00", "-0.01"], {"c__ge": 1}),
        (bool, "BOOLEAN", {"eq": True}, ["TRUE", "FALSE"], {"c__eq": 1}),
        (date, "DATE", {"ge": MONDAY}, ["'2026-11-15'", "'2026-11-17'"], {"c__ge": 1}),
        (
            datetime,
            "TIMESTAMPTZ",
            {"lt": datetime(9999, 1, 1, tzinfo=UTC)},
            ["'infinity'", "'1999-01-01 00:00:00.000001+00'"],
            {"c__lt": 1},
        ),
        (datetime, "TIMESTAMPTZ", {"gt": datetime(1, 1, 2, tzinfo=UTC)}, ["'-infinity'", "'0044-03-15 (BC) 00:00:00+00'"], {"c__gt": 2}),
        (str, "VARCHAR", {"ge": "b"}, [f"'{'b' * 400}'", f"'a{'b' * 400}'"], {"c__ge": 1}),
        (str, "VARCHAR", {"isin": ["a", "b"]}, ["'a'", "'a'", "'c'", "'c'"], {"c__isin": 2}),
        (str | None, "VARCHAR", {"notin": ["a", "b"]}, ["'a'", "NULL", "'a'", "'c'"], {"c__notin": 2}),
        (str | None, "VARCHAR", {"endswith": "\n"}, ["'a'", "'a'", "'b'", "NULL", "e'c\\n'"], {"c__endswith": 3}),
        (list[int], "BIGINT[]", {}, ["[1, NULL]", "NULL", "[]"], {"c__not_null": 1}),
        (list[int], "BIGINT[]", {"unique": True}, ["[1, NULL]", "[1, NULL]", "[]"], {"c__unique": 2}),
        (int | None, "BIGINT", {"unique": True}, ["1", "NULL", "3"], {}),
        (int | None, "BIGINT", {"unique": True}, ["1", "NULL", "NULL"], {"c__unique": 2}),
        (int | None, "BIGINT", {"unique": True}, ["'-9223372036854775808'", "9223372036854775807"], {}),
        (int, "BIGINT", {"unique": True}, ["5", "3", "5", "5"], {"c__unique": 3}),
    ],
)
def test_a_plan_of_footers_finds_what_reading_finds(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, annotation: Any, kind: str, rules: Any, values: list[str], expected: dict[str, int]
) -> None:
    listed = ", ".join(f"({value}::{kind})" for value in values)
    files = written(con, tmp_path / "c.parquet", f"SELECT c FROM (VALUES {listed}) AS rows (c)")
    good = written(con, tmp_path / "more.parquet", f"SELECT c FROM (VALUES {listed}) AS rows (c) WHERE FALSE")
    contract = one_column(annotation, **rules)

    assert failing(con, contract, files) == expected
    assert failing(con, contract, files | good) == expected


def test_bounds_that_the_rule_excludes_between_them_are_not_taken_for_clean(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    files = written(con, tmp_path / "c.parquet", "SELECT range AS c FROM range(10)")

    plan = plan_of(con, one_column(int, ne=5, ge=0), files)

    assert "c__ge" in proved(con, plan)
    assert "c__ne" not in proved(con, plan)


def test_one_file_without_bounds_is_enough_to_read_a_column(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    known = written(con, tmp_path / "known.parquet", "SELECT 0.5::DOUBLE AS c")
    unknown = written(con, tmp_path / "unknown.parquet", "SELECT unnest(['nan'::DOUBLE, 2.0]) AS c")

    assert failing(con, one_column(float | None, le=1), known | unknown) == {"c__le": 1}
    assert plan_of(con, one_column(float | None, le=1), known).ways == {"c__le": "footer"}


def test_a_key_of_two_columns_takes_no_bitmap(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    class Pairs(dm.Contract):
        """One row per pair."""

        a: int = dm.field(key=True, description="One.")
        b: int = dm.field(key=True, description="The other.")

    files = written(con, tmp_path / "pairs.parquet", "SELECT unnest([1, 1, 2, 2]::BIGINT[]) AS a, unnest([1, 2, 1, 1]::BIGINT[]) AS b")

    assert plan_of(con, Pairs, files).ways["key__unique"] == "hash"
    assert failing(con, Pairs, files) == {"key__unique": 2}


def test_numbers_far_apart_take_no_bitmap(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    close = written(con, tmp_path / "close.parquet", "SELECT range * 64 AS c FROM range(20_000)")
    far = written(con, tmp_path / "far.parquet", "SELECT range * 65 AS c FROM range(20_000)")

    assert plan_of(con, one_column(int, unique=True), close).ways["c__unique"] == "bitmap"
    assert plan_of(con, one_column(int, unique=True), far).ways["c__unique"] == "hash"


def test_a_number_may_repeat_on_another_day_whatever_the_plan(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    class Daily(dm.Contract):
        """One row per number and day."""

        c: int = dm.field(unique=True, description="Number.")
        day: date = dm.field(description="UTC day.")

    rows = f"SELECT c, d::DATE AS day FROM (VALUES (1, '{MONDAY}'), (2, '{MONDAY}'), (1, '{TUESDAY}'), (1, '{TUESDAY}')) AS rows (c, d)"
    files = written(con, tmp_path / "c.parquet", f"SELECT c::BIGINT AS c, day FROM ({rows})")

    report = audit(con, f"read_parquet({list(files)})", product(Daily, "day"), days=[MONDAY, TUESDAY], files=files)

    assert {day: dict(found.failing) for day, found in report.days.items()} == {MONDAY: {}, TUESDAY: {"c__unique": 2}}


def test_a_value_that_repeats_is_shown_on_the_days_it_may_not(con: duckdb.DuckDBPyConnection) -> None:
    class Daily(dm.Contract):
        """One row per number and day."""

        c: int | None = dm.field(unique=dm.rule(True, max_failing=0.5), description="Number.")
        day: date = dm.field(description="UTC day.")

    values = [(c, MONDAY) for c in (1, 1, 2, 3)] + [(c, TUESDAY) for c in ("NULL", "NULL", 4, 4, 5)]
    listed = ", ".join(f"({c}::BIGINT, DATE '{day}')" for c, day in values)
    rows = f"(FROM (VALUES {listed}) AS rows (c, day))"

    (result,) = [r for r in judged(con, rows, product(Daily, "day"), [MONDAY, TUESDAY]) if r.name == "c__unique"]

    assert (result.failing_rows, result.failed_days) == (6, (TUESDAY,))
    assert sorted(str(sample["c"]) for sample in result.samples) == ["4", "4", "None", "None"]


def test_rows_that_lack_a_value_are_counted_also_where_footers_know_the_other_columns(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    class Two(dm.Contract):
        """One row per row."""

        a: int = dm.field(description="Always there.")
        b: int = dm.field(description="Not always.", required=dm.rule(True, max_failing=1.0))

    files = written(con, tmp_path / "c.parquet", "SELECT range AS a, CASE WHEN range > 0 THEN range END AS b FROM range(4)")

    report = audit(con, f"read_parquet({list(files)})", product(Two, None), files=files)

    assert plan_of(con, Two, files).ways == {"a__not_null": "footer", "b__not_null": "fused"}
    assert report.completeness == 0.75


def test_the_numbers_of_each_day_take_a_bitmap_of_their_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    class Daily(dm.Contract):
        """One row per number and day."""

        n: int = dm.field(unique=True, description="Number.")
        day: date = dm.field(description="UTC day.")

    days = [date(2026, 11, day) for day in (16, 17, 18)]
    rows = " UNION ALL ".join(f"SELECT range AS n, DATE '{day}' AS day FROM range(30_000)" for day in days)
    again = f"SELECT 7, DATE '{days[1]}'"
    con.execute(f"COPY ({rows} UNION ALL {again}) TO '{tmp_path}' (FORMAT parquet, PARTITION_BY (day), OVERWRITE_OR_IGNORE)")
    files = {str(path): 30_001 for path in sorted(tmp_path.glob("*/*.parquet"))}
    sql = f"(SELECT n, day FROM read_parquet({list(files)}, hive_partitioning=true, hive_types={{day: DATE}}))"

    report = audit(con, sql, product(Daily, "day"), days=days, files=files)

    assert planned(con, Staged(sql, "day", files), Daily, compiled(Daily)).ways["n__unique"] == "bitmap"
    assert [(result.name, result.failing_rows, result.failed_days) for result in report.failed] == [("n__unique", 2, (days[1],))]
