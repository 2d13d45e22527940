"""The audit of staged rows: one call, one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from statistics import fmean
from typing import TYPE_CHECKING

import duckdb

from dagmesh.audit.bad_rows import SAMPLES, bad_rows_sql, with_samples
from dagmesh.audit.compile import compiled, incomplete
from dagmesh.audit.conform import column_types, differences
from dagmesh.audit.known import Known
from dagmesh.audit.plan import Plan, planned, proved
from dagmesh.audit.platform_checks import completeness, completeness_result, day_figures, history_result, schema_result
from dagmesh.audit.profile import Profile, measures
from dagmesh.audit.report import Day, Report, Result
from dagmesh.audit.scan import Asked, Scanned, Staged, Tallies, Tally, scan
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
    files: Mapping[str, int] | None = None,
    row_hash: str = "0",
    known: Known | None = None,
) -> Report:
    """The verdict on staged rows: every rule of the contract, and the platform's own, judged for each day on its own.

    Args:
        con: a connection whose TimeZone is UTC; a result it left open is not touched, and must be drained.
        staged_sql: FROM-able text of the rows; read several times, so it must give the same rows each time.
        product: what they are to become.
        days: the days asked for, also those without rows; empty for a whole product.
        arrived: the share of its source records that arrived, by day (None: of a whole product); 1 where not said.
        history: row counts of the product's recent days, or snapshots of a whole product.
        files: the Parquet files, as DuckDB takes them, that hold the rows and nothing else, each with its number of rows; what
            DuckDB itself wrote is judged by its footers where they settle a rule, everything else by its values.
        row_hash: SQL of a row's hash, whose sum over each day the tallies then have.
        known: what earlier audits found of some of these very rows, which are not read again but for Python's rules.

    Raises:
        AuditRefused: rows of a day that was not asked for.
    """
    found = differences(column_types(con, staged_sql), product.contract, exact=True)
    if found:
        return _unjudged(con, staged_sql, product, days, found)
    staged, arrived = Staged(staged_sql, product.partitioned_by, files or {}), arrived or {}
    plan = _planned(con, known.rest if known else staged, product.contract)
    scanned = _scanned(con, plan, product, days, Asked(measures(product.contract), row_hash), known)
    tallies, rows = scanned.tallies, staged if known else plan.staged
    found_by_pandera = _judged_by_pandera(con, rows, plan, product.contract, tallies)
    complete = completeness(tallies, arrived)
    results = (
        schema_result(product, tallies),
        *rule_results(plan.steps, tallies, {name: findings.detail for name, findings in found_by_pandera.items()}),
        completeness_result(product, tallies, complete),
        history_result(product, tallies, history),
    )
    numbers = {name: findings.numbers for name, findings in found_by_pandera.items()}
    report = Report(
        rows=sum(tally.rows for tally in tallies.values()),
        completeness=fmean(complete.values() or (1.0,)),
        results=with_samples(con, rows, product.contract, results, numbers, tallies),
        days=day_figures(tallies, complete),
        tallies=tallies,
    )
    return _profiled(con, plan.staged, product.contract, report, scanned.profiles)


def judged(
    con: duckdb.DuckDBPyConnection,
    staged_sql: str,
    product: Product,
    days: Sequence[date] = (),
    files: Mapping[str, int] | None = None,
) -> tuple[Result, ...]:
    """A result for each rule of the contract, and nothing of what the platform itself asks; for the arguments see `audit`."""
    plan = _planned(con, Staged(staged_sql, product.partitioned_by, files or {}), product.contract)
    tallies = _scanned(con, plan, product, days, Asked()).tallies
    found = _judged_by_pandera(con, plan.staged, plan, product.contract, tallies)
    results = rule_results(plan.steps, tallies, {name: findings.detail for name, findings in found.items()})
    numbers = {name: findings.numbers for name, findings in found.items()}
    return with_samples(con, plan.staged, product.contract, results, numbers, tallies)


def _planned(con: duckdb.DuckDBPyConnection, staged: Staged, contract: type[Contract]) -> Plan:
    return planned(con, staged, contract, compiled(contract))


def _unjudged(con: duckdb.DuckDBPyConnection, staged_sql: str, product: Product, days: Sequence[date], found: Sequence[str]) -> Report:
    rows = con.execute(f"SELECT count(*) FROM {staged_sql}").fetchall()[0][0]
    return Report(rows, 0.0, unjudged(product, rows, days, found), {day: Day(0, 0.0, {}) for day in days})


def _scanned(
    con: duckdb.DuckDBPyConnection, plan: Plan, product: Product, days: Sequence[date], asked: Asked, known: Known | None = None
) -> Scanned:
    """What the scan found of the days asked for, in their order, with what is known of some; nothing of a rule that Pandera judges."""
    scanned = _read(con, plan, product.contract, asked) if not known or known.is_partial else Scanned({}, {None: known.profile})
    tallies = {**scanned.tallies, **(known.tallies if known else {})}
    others = [str(day) for day in tallies if day not in days] if days else []
    if others:
        raise AuditRefused(
            f"{product.address}: rows of {', '.join(sorted(others)[:5])} in a run for {days[0]} to {days[-1]}; "
            f"nothing was published. Keep only the run's days of {product.partitioned_by}."
        )
    nothing = {step.rule.name: 0 for step in plan.steps}
    found = {day: tallies.get(day) or Tally(0, 0, {}) for day in (days or tallies)}
    return Scanned({day: replace(tally, failing=nothing | tally.failing) for day, tally in found.items()}, scanned.profiles)


def _read(con: duckdb.DuckDBPyConnection, plan: Plan, contract: type[Contract], asked: Asked) -> Scanned:
    clean = proved(con, plan)
    given = [step.rule.columns[0] for step in plan.steps if step.rule.kind == "not_null" and step.rule.name in clean]
    left = [step for step in plan.steps if step.rule.name not in clean]
    return scan(con, plan.staged, left, incomplete(contract, given), plan.bitmaps, asked)


def _judged_by_pandera(
    con: duckdb.DuckDBPyConnection, rows: Staged, plan: Plan, contract: type[Contract], tallies: Tallies
) -> Mapping[str, Findings]:
    """What Pandera found, by rule name; the tallies now count it too. Without such a rule neither it nor pandas is imported."""
    rules = [step.rule for step in plan.by("pandera")]
    if not rules:
        return {}
    from dagmesh.audit.pandera_checks import judge

    found = judge(con, rows, contract, rules, list(tallies), keep=SAMPLES)
    for name, findings in found.items():
        for day, failing in findings.failing.items():
            tallies[day].failing[name] = failing
    return found


def _profiled(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    contract: type[Contract],
    report: Report,
    profiles: Mapping[date | None, Profile],
) -> Report:
    """The report with a profile of the days that passed, or of everything where nothing did, and one of each day.

    The scan made one of each day and of all; only where some days are refused are the others read once more.
    """
    if report.refused_days and report.passed_days:
        rows = replace(staged, sql=f"(SELECT * FROM {staged.sql} WHERE {staged.within(report.passed_days)})")
        profiles = scan(con, rows, (), "FALSE", {}, Asked(measures(contract))).profiles
    return replace(report, profile=profiles[None], day_profiles={day: profiles[day] for day in report.days if day in profiles})
