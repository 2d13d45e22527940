"""The law of the audit: for any contract, any rows and any plan, its verdicts and failing rows are Pandera's, by rule and day."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from pathlib import Path
from time import monotonic, time_ns
from typing import Any, get_args

import duckdb
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st
from tests.audit.staged_files import ROW_GROUP, STATISTICS, Statistics, staged_by_another, staged_by_us
from tests.strategies import ITEMS, Case, cases

from dagmesh.audit.audit import audit, bad_rows_sql
from dagmesh.audit.compile import compiled
from dagmesh.audit.frames import to_pandas
from dagmesh.audit.plan import ROWS_WORTH_A_LOOK, Way
from dagmesh.audit.plan import planned as plan_of
from dagmesh.audit.report import Report
from dagmesh.audit.scan import Staged
from dagmesh.model.contract import Contract

# DAGMESH_FUZZ_SECONDS=3600 searches for as long as one likes, from another seed each time; the same seed gives the same cases.
ASKED = os.environ.get("DAGMESH_FUZZ_SECONDS")
SECONDS = 60.0
SETTINGS = settings(
    max_examples=100,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
MOST_SEEDS = 20
# How the drawn rows become more: as they are; all of them in each row group; in the last row group, after thousands of the first.
GROWTHS = ("as drawn", "in every row group", "in the last row group")
MORE = 3 * ROW_GROUP
# What the search in `make test` goes on for until it has met it, of plans, files and rows.
WANTED = {
    *(f"way {way}" for way in get_args(Way)),
    *(f"statistics {statistics}" for statistics in STATISTICS),
    *GROWTHS,
    *(f"{kind} {case}" for kind in (*ITEMS, "decimal", "list") for case in ("given", "NULL")),
    *("no row", "one row", "by day", "whole", "NaN", "infinity", "newline", "beyond ASCII", "another zone", "a rule broken"),
}


def reference(contract: type[Contract], rows: pa.Table) -> dict[str, int]:
    """Failing rows by rule that fails, as Pandera validates the rows lazily; an error, or one boolean, fails them all."""
    try:
        contract.to_model().validate(to_pandas(rows, contract), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return dict(_failure(contract, rows, error) for error in errors.schema_errors)
    return {}


def _failure(contract: type[Contract], rows: pa.Table, error: Any) -> tuple[str, int]:
    reason, every = error.reason_code.name, max(rows.num_rows, 1)
    if reason == "SERIES_CONTAINS_NULLS":
        return f"{error.schema.name}__not_null", len(error.failure_cases)
    if reason in ("SERIES_CONTAINS_DUPLICATES", "DUPLICATES"):
        columns = [error.schema.name] if reason == "SERIES_CONTAINS_DUPLICATES" else list(contract.key())
        name = f"{columns[0]}__unique" if len(columns) == 1 else "key__unique"
        # Pandera's own list of failure cases leaves NULLs out, its verdict counts them.
        return name, int(to_pandas(rows, contract).duplicated(columns, keep=False).sum())
    assert reason in ("DATAFRAME_CHECK", "CHECK_ERROR"), error
    counted = reason == "DATAFRAME_CHECK" and not isinstance(error.check_output, bool)
    return error.check.name, int((~error.check_output.astype(bool)).sum()) if counted else every


def test_the_verdict_of_every_rule_on_every_day_is_panderas_by_every_plan(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first, ends, met = (0 if ASKED is None else time_ns() // 10**9), monotonic() + float(ASKED or SECONDS), Counter[str]()

    @SETTINGS
    @given(
        case=cases(),
        growth=st.sampled_from((GROWTHS[0], *GROWTHS)),
        parts=st.integers(1, 3),
        statistics=st.sampled_from(STATISTICS),
        said=st.booleans(),
    )
    def agrees(case: Case, growth: str, parts: int, statistics: Statistics, said: bool) -> None:
        case = replace(case, rows=grown(case.rows, growth))
        met.update(["cases", growth, f"statistics {statistics}", *met_in(case)])
        met.update(verdicts_agree(con, tmp_path, case, parts, statistics, said))

    for number in count(first):
        seed(number)(agrees)()
        missed = () if ASKED else sorted(WANTED - set(met))
        if monotonic() >= ends and (not missed or number >= MOST_SEEDS):
            break
    sys.stdout.write(f"{met['cases']} cases, seeds {first} to {number}\n")

    assert not missed


def verdicts_agree(
    con: duckdb.DuckDBPyConnection, folder: Path, case: Case, parts: int, statistics: Statistics, said: bool
) -> Iterator[str]:
    """Holds both plans to Pandera; gives what was met: the ways of judging, and whether a rule was broken.

    DuckDB writes `parts` files, another writer one with such `statistics`; `said`: whether the audit is told of that file.
    """
    theirs, ours = folder / "theirs.parquet", staged_by_us(con, folder, case.rows, parts)
    staged_by_another(theirs, case.rows, statistics)
    by_value, by_footers = f"read_parquet('{theirs}')", f"(SELECT * FROM read_parquet({list(ours)}))"
    contract = case.product.contract

    report = audit(con, by_value, case.product, days=case.days, files={str(theirs): MORE * ROWS_WORTH_A_LOOK} if said else None)
    planned = audit(con, by_footers, case.product, days=case.days, files=ours)

    note(str([rule.describe() for rule in contract.rules]))
    for day in case.days or (None,):
        rows = case.rows.filter(pc.equal(case.rows["order_date"], pa.scalar(day))) if day else case.rows
        expected = reference(contract, rows)
        assert failing(report, day) == expected
        assert failing(planned, day) == expected
        assert failed_rules(report, contract, day) == {
            rule.name for rule in contract.rules if share(expected.get(rule.name, 0), rows.num_rows) > rule.max_failing
        }
        yield from ["a rule broken"] * bool(expected)
    assert figures(planned) == figures(report)
    # Only what the platform staged is quarantined, and its files do not lie.
    for sql, found in ((by_value, report), (by_footers, planned))[statistics == "lying" :]:
        assert quarantined(con, sql, case, found) == expected_quarantine(case, found)
    staged = Staged(by_footers, case.product.partitioned_by, ours)
    yield from (f"way {way}" for way in plan_of(con, staged, contract, compiled(contract)).ways.values())


def grown(rows: pa.Table, growth: str) -> pa.Table:
    """The rows, so many more of them that DuckDB makes several row groups."""
    if growth == "as drawn" or not rows.num_rows:
        return rows
    if growth == "in every row group":
        return pa.concat_tables([rows] * -(-MORE // rows.num_rows)).combine_chunks()
    return rows.take(pa.array([0] * MORE + list(range(rows.num_rows))))


def met_in(case: Case) -> Iterator[str]:
    """What is remarkable of the case's rows and rules."""
    yield "by day" if case.days else "whole"
    yield from {0: ["no row"], 1: ["one row"]}.get(case.rows.num_rows, [])
    for column in case.product.contract.columns:
        values = case.rows[column.name].unique().to_pylist() if column.type.kind != "list" else case.rows[column.name].to_pylist()
        yield from {f"{column.type.kind} {'NULL' if value is None else 'given'}" for value in values}
        yield from {"NaN" for value in values if value != value}
        yield from {"infinity" for value in values if isinstance(value, float) and math.isinf(value)}
        yield from {"newline" for value in values if isinstance(value, str) and "\n" in value}
        yield from {"beyond ASCII" for value in values if isinstance(value, str) and not value.isascii()}
    operands = [rule.value for rule in case.product.contract.rules]
    yield from {"another zone" for value in operands if isinstance(value, datetime) and value.utcoffset()}


def figures(report: Report) -> Any:
    """What the two plans must agree on beyond each rule's failing rows."""
    days = {day: (found.rows, found.completeness, found.failing) for day, found in report.days.items()}
    return report.rows, report.completeness, days, [replace(result, samples=()) for result in report.results]


def failing(report: Report, day: date | None) -> dict[str, int]:
    if day:
        return dict(report.days[day].failing)
    own = [result for result in report.results if not result.name.startswith(("schema__", "promise__", "history__"))]
    return {result.name: result.failing_rows for result in own if result.failing_rows}


def failed_rules(report: Report, contract: type[Contract], day: date | None) -> set[str]:
    own = {rule.name for rule in contract.rules}
    return {result.name for result in report.failed if result.name in own and (day is None or day in result.failed_days)}


def share(failing_rows: int, rows: int) -> float:
    return failing_rows / rows if rows else float(failing_rows > 0)


def quarantined(con: duckdb.DuckDBPyConnection, staged: str, case: Case, report: Report) -> dict[str, int]:
    """How many quarantined rows name each of the contract's rules."""
    sql = bad_rows_sql(con, staged, case.product, report)
    rules = f"SELECT unnest(broken_rules) AS rule FROM {sql}"
    return dict(
        con.execute(f"SELECT rule, count(*) FROM ({rules}) WHERE rule NOT LIKE 'promise\\_\\_%' ESCAPE '\\' GROUP BY rule").fetchall()
    )


def expected_quarantine(case: Case, report: Report) -> dict[str, int]:
    """Each failed rule of severity error, with its failing rows on the days it failed."""
    own = {rule.name for rule in case.product.contract.rules}
    found: dict[str, int] = {}
    for result in report.failed:
        if result.name in own and result.severity == "error":
            days = result.failed_days or (None,)
            rows = sum(min(failing(report, day)[result.name], report.days[day].rows if day else report.rows) for day in days)
            found |= {result.name: rows} if rows else {}
    return found
