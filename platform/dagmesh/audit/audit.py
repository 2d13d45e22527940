"""The audit of staged rows: one call, one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from statistics import fmean
from typing import TYPE_CHECKING

import duckdb

from dagmesh.audit.bad_rows import SAMPLES, bad_rows_sql, with_samples
from dagmesh.audit.compile import Step, compiled, incomplete
from dagmesh.audit.conform import column_types, differences
from dagmesh.audit.platform_checks import completeness, completeness_result, day_figures, history_result, schema_result
from dagmesh.audit.profile import profiles
from dagmesh.audit.report import Day, Report, Result
from dagmesh.audit.scan import Staged, Tallies, Tally, scan
from dagmesh.audit.verdicts import rule_results, unjudged
from dagmesh.errors import AuditRefused
from dagmesh.model.contract import Contract
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    from dagmesh.audit.pandera_checks import Findings

__all__ = ["audit", "bad_rows_sql", "judged"]


def audit(
    con: duckdb.DuckDBPyConnection,
    staged_sql: str,
    product: Product,
    *,
    days: Sequence[date] = (),
    arrived: Mapping[date | None, float] | None = None,
    history: Sequence[int] = (),
) -> Report:
    """The verdict on staged rows: every rule of the contract, and the platform's own, judged for each day on its own.

    Args:
        con: a connection whose TimeZone is UTC; a result it left open is not touched, and must be drained.
        staged_sql: FROM-able text of the rows; read several times, so it must give the same rows each time.
        product: what they are to become.
        days: the days asked for, also those without rows; empty for a whole product.
        arrived: the share of its source records that arrived, by day (None: of a whole product); 1 where not said.
        history: row counts of the product's recent days, or snapshots of a whole product.

    Raises:
        AuditRefused: rows of a day that was not asked for.
    """
    found = differences(column_types(con, staged_sql), product.contract, exact=True)
    if found:
        return _unjudged(con, staged_sql, product, days, found)
    staged, steps, arrived = Staged(staged_sql, product.partitioned_by), compiled(product.contract), arrived or {}
    tallies = _tallied(con, staged, product, steps, days)
    found_by_pandera = _judged_by_pandera(con, staged, product.contract, steps, tallies)
    complete = completeness(tallies, arrived)
    results = (
        schema_result(product, tallies),
        *rule_results(steps, tallies, {name: findings.detail for name, findings in found_by_pandera.items()}),
        completeness_result(product, tallies, complete),
        history_result(product, tallies, history),
    )
    numbers = {name: findings.numbers for name, findings in found_by_pandera.items()}
    return _profiled(
        con,
        staged,
        product.contract,
        Report(
            rows=sum(tally.rows for tally in tallies.values()),
            completeness=fmean(complete.values() or (1.0,)),
            results=with_samples(con, staged, product.contract, results, numbers),
            days=day_figures(tallies, complete),
        ),
    )


def judged(con: duckdb.DuckDBPyConnection, staged_sql: str, product: Product, days: Sequence[date] = ()) -> tuple[Result, ...]:
    """A result for each rule of the contract, and nothing of what the platform itself asks; for the arguments see `audit`."""
    staged, steps = Staged(staged_sql, product.partitioned_by), compiled(product.contract)
    tallies = _tallied(con, staged, product, steps, days)
    found = _judged_by_pandera(con, staged, product.contract, steps, tallies)
    results = rule_results(steps, tallies, {name: findings.detail for name, findings in found.items()})
    return with_samples(con, staged, product.contract, results, {name: findings.numbers for name, findings in found.items()})


def _unjudged(con: duckdb.DuckDBPyConnection, staged_sql: str, product: Product, days: Sequence[date], found: Sequence[str]) -> Report:
    rows = con.execute(f"SELECT count(*) FROM {staged_sql}").fetchall()[0][0]
    return Report(rows, 0.0, unjudged(product, rows, days, found), {day: Day(0, 0.0, {}) for day in days})


def _tallied(con: duckdb.DuckDBPyConnection, staged: Staged, product: Product, steps: Sequence[Step], days: Sequence[date]) -> Tallies:
    """The tallies of the days asked for, in their order; nothing of a rule that Pandera judges."""
    tallies = scan(con, staged, steps, incomplete(product.contract))
    others = [str(day) for day in tallies if day not in days] if days else []
    if others:
        raise AuditRefused(
            f"{product.address}: rows of {', '.join(sorted(others)[:5])} in a run for {days[0]} to {days[-1]}; "
            f"nothing was published. Keep only the run's days of {product.partitioned_by}."
        )
    nothing = {step.rule.name: 0 for step in steps}
    return {day: tallies.get(day) or Tally(0, 0, dict(nothing)) for day in (days or tallies)}


def _judged_by_pandera(
    con: duckdb.DuckDBPyConnection, staged: Staged, contract: type[Contract], steps: Sequence[Step], tallies: Tallies
) -> Mapping[str, Findings]:
    """What Pandera found, by rule name; the tallies now count it too. Without such a rule neither it nor pandas is imported."""
    rules = [step.rule for step in steps if step.way == "pandera"]
    if not rules:
        return {}
    from dagmesh.audit.pandera_checks import judge

    found = judge(con, staged, contract, rules, list(tallies), keep=SAMPLES)
    for name, findings in found.items():
        for day, failing in findings.failing.items():
            tallies[day].failing[name] = failing
    return found


def _profiled(con: duckdb.DuckDBPyConnection, staged: Staged, contract: type[Contract], report: Report) -> Report:
    """The report with a profile of the days that passed, or of everything where nothing did, and one of each day."""
    part = report.passed_days if report.refused_days else ()
    rows = f"(SELECT * FROM {staged.sql} WHERE {staged.within(part)})" if part else staged.sql
    found = profiles(con, rows, contract, staged.day)
    return replace(report, profile=found[None], day_profiles={day: found[day] for day in report.days if day in found})
