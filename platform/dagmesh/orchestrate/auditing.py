"""The audit of one run: what arrived, what is usual, what signed publications say of the very files, and what is said to later ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import duckdb

from dagmesh.audit.audit import audit
from dagmesh.audit.known import JUDGED_BY, Known
from dagmesh.audit.report import HISTORY, Report
from dagmesh.audit.scan import Staged, Tally
from dagmesh.lake.lake import Lake
from dagmesh.lake.stage import Stage
from dagmesh.orchestrate.inputs import Input

PAST = 10


def audited(con: duckdb.DuckDBPyConnection, lake: Lake, inputs: Collection[Input], stage: Stage) -> Report:
    """The report on the staged rows; `stage` has the hashes of its files."""
    arrived = {day: min([1.0, *(i.completeness(i.seen([day]) if day else None) for i in inputs)]) for day in (stage.days or (None,))}
    return audit(
        con,
        stage.sql(),
        stage.product,
        days=stage.days,
        arrived=arrived,
        history=_history(lake, stage),
        files=stage.parquet(),
        row_hash=stage.row_hash,
        known=_known(lake, stage),
    )


def _history(lake: Lake, stage: Stage) -> list[int]:
    """Row counts of the product's newest days, or of its newest snapshots."""
    table = lake.table(stage.product.address)
    if table.newest is None:
        return []
    if not stage.days:
        return [past.publication.rows for past in table.history(PAST) if past.trusted]
    counts: dict[date, int] = {}
    for file in table.snapshot().files:
        if file.day and file.day not in stage.days:
            counts[file.day] = counts.get(file.day, 0) + file.rows
    return [counts[day] for day in sorted(counts)[-PAST:]]


def _known(lake: Lake, stage: Stage) -> Known | None:
    """What is known of the staged days whose very files were audited before; None when nothing is."""
    found = lake.table(stage.product.address).remembered(stage, JUDGED_BY)
    if not found:
        return None
    tallies = {day: Tally(it.rows, it.audited["incomplete"], it.audited["failing"], row_hash=it.row_hash) for day, it in found.items()}
    newest = max((it.publication for it in found.values()), key=lambda publication: publication.snapshot)
    rest = [day for day in stage.days if day not in found]
    profile = {column: dict(figures) for column, figures in newest.profile.items()}
    return Known(tallies, profile, Staged(stage.sql(rest), stage.product.partitioned_by, stage.parquet(rest)), bool(rest))


def to_remember(report: Report) -> dict[date | None, dict[str, Any]]:
    """What was counted of each day (None: a whole product) on which every rule passed: of a rule that failed, rows are to be shown."""
    failed = [result for result in report.failed if result.name != HISTORY]
    days = {day for result in failed for day in result.failed_days or report.tallies}
    return {
        day: {"incomplete": tally.incomplete, "failing": {name: n for name, n in tally.failing.items() if n}}
        for day, tally in report.tallies.items()
        if day not in days
    }
