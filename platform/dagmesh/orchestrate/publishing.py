"""One run of one product: read, compute, stage, audit, sign, publish. Good days are published, bad ones never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagmesh.audit.audit import audit
from dagmesh.audit.conform import conform_sql
from dagmesh.audit.report import Report
from dagmesh.lake.publication import Record
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.table import Table
from dagmesh.model.domain import Product
from dagmesh.orchestrate.forms import computed
from dagmesh.orchestrate.inputs import Input, Ports, made_of


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    `published` are the days now visible (empty for a whole product), `refused` the days the audit stopped, `waiting` the
    days whose inputs are not there, each with what it waits for. `snapshot` is None when nothing was published.
    """

    report: Report | None
    snapshot: Snapshot | None
    published: tuple[date, ...] = ()
    refused: tuple[date, ...] = ()
    waiting: Mapping[date, str] = field(default_factory=dict)
    quarantine: Path | None = None

    @property
    def complete(self) -> bool:
        """Whether everything asked for was published."""
        return self.snapshot is not None and not self.refused and not self.waiting


@dataclass(frozen=True)
class Run:
    """What a run has at hand: the domain's ports, a connection, and who and when it is."""

    ports: Ports
    con: duckdb.DuckDBPyConnection
    run_id: str
    now: datetime


def publish(run: Run, product: Product, days: Sequence[date]) -> Outcome:
    """Make the product's rows for `days` (none for a whole product) and publish what keeps the contract.

    Raises:
        NotPublished: an input has nothing at all yet. SchemaMismatch: the result has not the contract's columns.
    """
    inputs = run.ports.resolve(product)
    waiting = {day: _waits_for(inputs, day) for day in days}
    ready = [day for day in days if not waiting[day]]
    waiting = {day: source for day, source in waiting.items() if source}
    if days and not ready:
        return Outcome(None, None, waiting=waiting)
    sql = conform_sql(run.con, _rows(run, product, inputs, ready), product.contract)
    table = run.ports.resolver.lake.table(product.address)
    stage = table.stage(run.con, sql, product, ready)
    return _audited(run, product, inputs, ready, table, stage, waiting)
