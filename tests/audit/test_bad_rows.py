"""Quarantined rows: every row that refused a day, as it was, with the rules it broke; nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from tests.strategies import product

import dagmesh as dm
from dagmesh.audit.audit import audit, bad_rows_sql
from dagmesh.audit.bad_rows import SAMPLES

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


class Lines(dm.Contract):
    """One row per line."""

    n: int = dm.field(key=True, description="Number; also a name the audit might use itself.")
    day: date = dm.field(key=True, description="UTC day; the same.")
    identity: str | None = dm.field(isin=["a", "b"], min_length=dm.rule(2, severity="warn"), description="The same.")
    rate: float = dm.field(unique=dm.rule(True, max_failing=0.5), required=dm.rule(True, max_failing=0.5), description="Rate.")

    @dm.check("n", description="n is odd", row_wise=True)
    def is_odd(cls, series: pd.Series[int]) -> pd.Series[bool]:
        return series % 2 == 1


def staged(con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> str:
    types = [("n", pa.int64()), ("day", pa.date32()), ("identity", pa.string()), ("rate", pa.float64())]
    columns = [pa.array([row[place] for row in rows], kind) for place, (_, kind) in enumerate(types)]
    con.register("lines", pa.table(columns, names=[name for name, _ in types]))
    return "lines"


def quarantined(con: duckdb.DuckDBPyConnection, sql: str, target: Any, days: list[date]) -> list[tuple[Any, ...]]:
    report = audit(con, sql, target, days=days)
    bad = bad_rows_sql(con, sql, target, report)
    assert con.sql(f"FROM {bad}").columns == ["n", "day", "identity", "rate", "broken_rules"]
    return con.execute(f"SELECT * FROM {bad} ORDER BY ALL").fetchall()


def test_a_bad_row_keeps_its_values_and_names_every_rule_it_broke(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(1, MONDAY, "a", 0.1), (1, MONDAY, "zz", 0.2), (2, MONDAY, "zz", 0.3), (3, MONDAY, "b", 0.4), (None, MONDAY, None, 0.5)]

    assert quarantined(con, staged(con, rows), product(Lines, None), []) == [
        (1, MONDAY, "a", 0.1, ["key__unique"]),
        (1, MONDAY, "zz", 0.2, ["key__unique", "identity__isin"]),
        (2, MONDAY, "zz", 0.3, ["identity__isin", "is_odd"]),
        (None, MONDAY, None, 0.5, ["n__not_null"]),
    ]


def test_rows_of_days_that_passed_and_breaches_that_are_tolerated_stay_out(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(1, MONDAY, "a", 0.1), (3, MONDAY, "a", 0.1), (5, MONDAY, "b", 0.2), (7, MONDAY, "b", 0.3)]
    rows += [(1, TUESDAY, "a", 0.1), (3, TUESDAY, "a", 0.1), (5, TUESDAY, "zz", 0.1)]

    assert quarantined(con, staged(con, rows), product(Lines, "day"), [MONDAY, TUESDAY]) == [
        (1, TUESDAY, "a", 0.1, ["rate__unique"]),
        (3, TUESDAY, "a", 0.1, ["rate__unique"]),
        (5, TUESDAY, "zz", 0.1, ["identity__isin", "rate__unique"]),
    ]


def test_a_value_repeated_on_one_day_is_not_bad_on_another(con: duckdb.DuckDBPyConnection) -> None:
    class Numbered(dm.Contract):
        """One row per number."""

        n: int = dm.field(unique=True, description="Number.")
        day: date = dm.field(description="UTC day.")

    rows = [(1, MONDAY), (1, MONDAY), (2, MONDAY), (1, TUESDAY), (2, TUESDAY), (2, TUESDAY)]
    con.register("numbered", pa.table({"n": [row[0] for row in rows], "day": [row[1] for row in rows]}))
    target = product(Numbered, "day")

    report = audit(con, "numbered", target, days=[MONDAY, TUESDAY])

    bad = con.execute(f"SELECT n, day FROM {bad_rows_sql(con, 'numbered', target, report)} ORDER BY ALL").fetchall()
    assert bad == [(1, MONDAY), (1, MONDAY), (2, TUESDAY), (2, TUESDAY)]


def test_a_python_rule_names_the_right_rows_of_many_files_and_days(con: duckdb.DuckDBPyConnection, tmp_path: Any) -> None:
    con.execute(
        f"""COPY (SELECT range AS n,
            DATE '2026-11-16' + (range % 2)::INTEGER AS day, 'ab' AS identity, range::DOUBLE AS rate FROM range(250_000))
        TO '{tmp_path}' (FORMAT parquet, PER_THREAD_OUTPUT, ROW_GROUP_SIZE 20_000)"""
    )
    sql = f"read_parquet('{tmp_path}/*.parquet')"

    rows = quarantined(con, f"(SELECT * REPLACE ('a' AS identity) FROM {sql})", product(Lines, "day"), [MONDAY, TUESDAY])

    assert {(row[1], *row[4]) for row in rows} == {(MONDAY, "is_odd")}
    assert sorted(row[0] for row in rows) == list(range(0, 250_000, 2))


def test_a_row_without_a_required_value_is_named_when_the_promise_fails(con: duckdb.DuckDBPyConnection) -> None:
    rows = [(1, MONDAY, "a", float("nan")), (3, MONDAY, "a", 0.5)]

    bad = quarantined(con, staged(con, rows), product(Lines, "day", min_completeness=0.9), [MONDAY])

    assert [(row[0], row[4]) for row in bad] == [(1, ["promise__min_completeness"])]


def test_a_day_refused_for_what_never_arrived_has_no_bad_rows(con: duckdb.DuckDBPyConnection) -> None:
    target, sql = product(Lines, "day", min_completeness=0.9), staged(con, [(1, MONDAY, "a", 0.5)])

    report = audit(con, sql, target, days=[MONDAY], arrived={MONDAY: 0.1})

    assert report.refused_days == (MONDAY,)
    assert con.execute(f"SELECT count(*) FROM {bad_rows_sql(con, sql, target, report)}").fetchall() == [(0,)]


def test_rows_with_other_columns_are_all_bad(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE other AS SELECT 1 AS n")
    target = product(Lines, None)

    report = audit(con, "other", target)

    assert con.execute(f"FROM {bad_rows_sql(con, 'other', target, report)}").fetchall() == [(1, ["schema__columns"])]


@pytest.mark.parametrize("value", ["a", "it's"])
def test_a_check_of_any_name_is_named(con: duckdb.DuckDBPyConnection, value: str) -> None:
    class Named(dm.Contract):
        """One row per word."""

        word: str = dm.field(ne=value, description="Word.")

    con.execute("CREATE TABLE words AS SELECT $1 AS word", [value])
    target = product(Named, None)

    report = audit(con, "words", target)

    assert con.execute(f"FROM {bad_rows_sql(con, 'words', target, report)}").fetchall() == [(value, ["word__ne"])]


class Dirty(dm.Contract):
    """One row per row; nobody keeps any of it."""

    k: int = dm.field(unique=True, ge=10**9, description="Number.")
    a: int = dm.field(ge=10**9, ne=3, description="Any.")
    b: str = dm.field(max_length=1, isin=["q"], startswith="q", endswith="q", matches="q", description="Any.")
    c: float = dm.field(lt=0, description="Any.")


def reads(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[Any]]:
    """The statements that an audit of the rows asks beside DESCRIBE, and the results that failed."""
    con.execute("CALL enable_logging('QueryLog')")
    report = audit(con, sql, product(Dirty, None))
    con.execute("CALL disable_logging()")
    asked = con.execute("SELECT message FROM duckdb_logs WHERE contains(message, ?) AND NOT starts_with(message, 'DESCRIBE')", [sql])
    return [message for (message,) in asked.fetchall()], list(report.failed)


def dirty(con: duckdb.DuckDBPyConnection, rows: int, bad: str = "TRUE") -> str:
    good = "10**9 + range AS k, 10**9 AS a, 'q' AS b, -1::DOUBLE AS c"
    con.execute(
        f"""CREATE OR REPLACE TABLE rows AS SELECT (CASE WHEN {bad} THEN 3 ELSE k END)::BIGINT AS k,
        (CASE WHEN {bad} THEN 3 ELSE a END)::BIGINT AS a, CASE WHEN {bad} THEN repeat('x', 40) ELSE b END AS b,
        CASE WHEN {bad} THEN 1.5 ELSE c END AS c FROM (SELECT {good}, range FROM range({rows}))"""
    )
    return "rows"


@pytest.mark.parametrize(
    ("rows", "bad"), [(1_000, "TRUE"), (200_000, "TRUE"), (200_000, "range % 60000 = 59999"), (200_000, "range > 150000")]
)
def test_a_report_costs_two_looks_more_and_stays_small_however_many_rules_and_rows_fail(
    con: duckdb.DuckDBPyConnection, rows: int, bad: str
) -> None:
    asked, failed = reads(con, dirty(con, rows, bad))
    broken = con.execute("SELECT count(*) FROM rows WHERE a = 3").fetchall()[0][0]

    samples = [result for result in failed if result.samples]
    looks = [message for message in asked if "FILTER" in message]
    assert len(samples) >= 9
    assert {len(result.samples) for result in samples} == {min(SAMPLES, broken)}
    assert {result.failing_rows for result in samples} == {broken}
    assert len(looks) == (1 if bad == "TRUE" else 2)
    assert len(asked) <= 2 + 2  # the scan, the values that repeat, the looks
    assert len(str([result.describe() for result in failed])) < 40_000
