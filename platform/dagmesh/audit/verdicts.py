"""Counts to verdicts: which of the contract's rules pass, on which day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from dagmesh.audit.compile import Step
from dagmesh.audit.report import HISTORY, SCHEMA, Result, check_names
from dagmesh.audit.scan import Tallies
from dagmesh.model.domain import Product


def share(failing: int, rows: int) -> float:
    """Failing rows by rows; a check that failed on no rows at all failed in full.

    One correctly rounded division: 29 of 100 is the very number that 0.29 is read as, so `share <= max_failing` is exact.
    """
    return failing / rows if rows else float(failing > 0)


def dated(days: Iterable[date | None]) -> tuple[date, ...]:
    """The days, oldest first, without the None that stands for rows judged together."""
    return tuple(sorted(day for day in days if day is not None))


def rule_results(steps: Sequence[Step], tallies: Tallies, details: Mapping[str, str]) -> tuple[Result, ...]:
    """A result for each of the contract's rules; `details` says, by name, what a check raised."""
    return tuple(_rule_result(step, tallies, details.get(step.rule.name, "")) for step in steps)


def _rule_result(step: Step, tallies: Tallies, detail: str) -> Result:
    rule = step.rule
    failing = {day: tally.failing[rule.name] for day, tally in tallies.items()}
    failed = [day for day, tally in tallies.items() if share(failing[day], tally.rows) > rule.max_failing]
    rows = sum(tally.rows for tally in tallies.values())
    return Result(
        name=rule.name,
        column=rule.column,
        text=rule.text,
        severity=rule.severity,
        rows=rows,
        failing_rows=sum(failing.values()),
        share=share(sum(failing.values()), rows),
        max_failing=rule.max_failing,
        passed=not failed,
        failed_days=dated(failed),
        engine="pandera" if step.way == "pandera" else "duckdb",
        detail=detail,
    )


def unjudged(product: Product, rows: int, days: Sequence[date], differences: Sequence[str]) -> tuple[Result, ...]:
    """The results of rows that have not the contract's columns: every one failed, as none can be judged."""
    severities = {rule.name: rule.severity for rule in product.contract.rules} | {HISTORY: "warn"}
    details = {SCHEMA: " ".join(differences)}
    return tuple(
        Result(
            name=name,
            column=None,
            text=text,
            severity=severities.get(name, "error"),
            rows=rows,
            failing_rows=rows,
            share=1.0,
            max_failing=0.0,
            passed=False,
            failed_days=dated(days),
            detail=details.get(name, f"not judged: {SCHEMA} failed"),
        )
        for name, text in check_names(product)
    )
