"""What the platform itself asks of every product's rows: the contract's columns, the promised completeness, a usual size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from statistics import fmean, median

from dagmesh.audit.report import COMPLETENESS, HISTORY, SCHEMA, Day, Result, check_names
from dagmesh.audit.scan import Tallies, Tally
from dagmesh.audit.verdicts import dated
from dagmesh.model.domain import Product

# Fewer known counts do not say what is usual.
KNOWN_ENOUGH = 3
Shares = Mapping[date | None, float]


def completeness(tallies: Tallies, arrived: Shares) -> dict[date | None, float]:
    """How complete each day is: the share of its records that arrived, or of its rows with every required value if less."""
    return {day: min(arrived.get(day, 1.0), _filled(tally)) for day, tally in tallies.items()}


def _filled(tally: Tally) -> float:
    return (tally.rows - tally.incomplete) / tally.rows if tally.rows else 1.0


def day_figures(tallies: Tallies, complete: Shares) -> dict[date, Day]:
    """Each day's figures; none for rows that are judged together."""
    return {
        day: Day(tally.rows, complete[day], {name: n for name, n in tally.failing.items() if n})
        for day, tally in tallies.items()
        if day is not None
    }


def schema_result(product: Product, tallies: Tallies) -> Result:
    """That the columns are the contract's; where they are not, nothing else is judged."""
    rows = sum(tally.rows for tally in tallies.values())
    return Result(SCHEMA, None, dict(check_names(product))[SCHEMA], "error", rows, 0, 0.0, 0.0, passed=True)


def completeness_result(product: Product, tallies: Tallies, complete: Shares) -> Result:
    """Whether every day is as complete as promised; failing rows are those that lack a required value."""
    promised = product.promise.min_completeness
    failed = [day for day, reached in complete.items() if reached < promised]
    lowest = min(complete.values(), default=1.0)
    lacking = sum(tallies[day].incomplete for day in failed)
    arrived = "the rest of what the source announced has not arrived, or could not be read: look among the domain's dead_letters"
    why = f"{lacking} rows lack a required value" if lacking else arrived
    return Result(
        name=COMPLETENESS,
        column=None,
        text=dict(check_names(product))[COMPLETENESS],
        severity="error",
        rows=sum(tally.rows for tally in tallies.values()),
        failing_rows=sum(tally.incomplete for tally in tallies.values()),
        share=1 - fmean(complete.values() or (1.0,)),
        max_failing=round(1 - promised, 9),
        passed=not failed,
        failed_days=dated(failed),
        detail=f"{lowest:.2%} complete; {why}" if failed else "",
    )


def history_result(product: Product, tallies: Tallies, history: Sequence[int]) -> Result:
    """Whether every day has between half and double the median of the recent row counts; passes when few are known."""
    usual = median(history) if len(history) >= KNOWN_ENOUGH else None
    failed = {day: t.rows for day, t in tallies.items() if usual is not None and not usual / 2 <= t.rows <= usual * 2}
    extreme = max(failed.values(), key=lambda rows: abs(rows - (usual or 0)), default=0)
    return Result(
        name=HISTORY,
        column=None,
        text=dict(check_names(product))[HISTORY],
        severity="warn",
        rows=sum(tally.rows for tally in tallies.values()),
        failing_rows=0,
        share=0.0,
        max_failing=0.0,
        passed=not failed,
        failed_days=dated(failed),
        detail=f"{extreme} rows where {usual:g} are usual" if failed else "",
    )
