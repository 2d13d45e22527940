"""The law of the audit: for any contract, any rows and any plan, its verdicts and failing rows are Pandera's, by rule and day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandera.errors
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.strategies import Case, cases

from dagmesh.audit.audit import audit, bad_rows_sql
from dagmesh.audit.frames import to_pandas
from dagmesh.audit.plan import ROWS_WORTH_A_LOOK
from dagmesh.audit.report import Report
from dagmesh.model.contract import Contract

# About 15 CPU-seconds; DAGMESH_FUZZ_EXAMPLES=100000 searches for as long as one likes, with new examples each time.
EXAMPLES = os.environ.get("DAGMESH_FUZZ_EXAMPLES")
SETTINGS = settings(
    max_examples=int(EXAMPLES or 120),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


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


@SETTINGS
@given(case=cases(), parts=st.integers(1, 3))
def test_the_verdict_of_every_rule_on_every_day_is_panderas_by_every_plan(
    con: duckdb.DuckDBPyConnection, tmp_path_factory: Any, case: Case, parts: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    by_value = staged_sql(folder / "differential.parquet", case.rows)
    files = staged_by_us(con, folder, case.rows, parts)
    by_footers = f"(SELECT * FROM read_parquet({list(files)}))"
    contract = case.product.contract

    report = audit(con, by_value, case.product, days=case.days)
    planned = audit(con, by_footers, case.product, days=case.days, files=files)

    note(str([rule.describe() for rule in contract.rules]))
    for day in case.days or (None,):
        rows = case.rows.filter(pc.equal(case.rows["order_date"], pa.scalar(day))) if day else case.rows
        expected = reference(contract, rows)
        assert failing(report, day) == expected
        assert failing(planned, day) == expected
        assert failed_rules(report, contract, day) == {
            rule.name for rule in contract.rules if share(expected.get(rule.name, 0), rows.num_rows) > rule.max_failing
        }
    assert figures(planned) == figures(report)
    for sql, found in ((by_value, report), (by_footers, planned)):
        assert quarantined(con, sql, case, found) == expected_quarantine(case, found)


def staged_sql(path: Path, rows: pa.Table) -> str:
    """FROM-able text of the rows in a Parquet file of many small row groups, by another writer than DuckDB."""
    pq.write_table(rows, path, row_group_size=4)
    return f"read_parquet('{path}')"


def staged_by_us(con: duckdb.DuckDBPyConnection, folder: Path, rows: pa.Table, parts: int) -> dict[str, int]:
    """The rows in some Parquet files that DuckDB wrote, said to be large enough that their footers are worth a look."""
    size = -(-rows.num_rows // parts) or 1
    con.register("all rows", rows)
    for part in range(parts):
        some = f"""(FROM "all rows" LIMIT {size} OFFSET {part * size})"""
        con.execute(f"COPY {some} TO '{folder}/by_us_{part}.parquet' (FORMAT parquet)")
    return {f"{folder}/by_us_{part}.parquet": ROWS_WORTH_A_LOOK for part in range(parts)}


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
