"""One run of one product: read, compute, stage, audit, sign, publish. Good days are published, bad ones never seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from dagmesh.audit.conform import conform_sql
from dagmesh.audit.known import JUDGED_BY
from dagmesh.audit.report import Report
from dagmesh.errors import MeshError
from dagmesh.lake.publication import Record
from dagmesh.lake.quarantine import quarantine_path, write_quarantine
from dagmesh.lake.refusals import Refusal, Refusals
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import Stage
from dagmesh.model.domain import Product
from dagmesh.model.lineage import Lineage
from dagmesh.orchestrate.auditing import audited, to_remember
from dagmesh.orchestrate.days_in_words import days_in_words
from dagmesh.orchestrate.expectation_checks import Kept, broken_rows_sql, expectations_kept, with_expectations
from dagmesh.orchestrate.folding import folded, in_order
from dagmesh.orchestrate.forms import computed
from dagmesh.orchestrate.gates import refuse_broken
from dagmesh.orchestrate.inputs import Input, Ports, made_of, refused_for
from dagmesh.orchestrate.nodes import ProductNode
from dagmesh.orchestrate.sample import sample_rows

_log = logging.getLogger("dagmesh.publishing")


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    `published` are the days now visible (empty for a whole product), `refused` the days the audit stopped, `waiting` the
    days whose inputs are not there, each with what it waits for. `snapshot` is None when nothing was published. `shown` is what else
    the UI shows of the run.
    """

    report: Report | None = None
    snapshot: Snapshot | None = None
    published: tuple[date, ...] = ()
    refused: tuple[date, ...] = ()
    waiting: Mapping[date, str] = field(default_factory=dict)
    quarantine: Path | None = None
    sample: Sequence[dict[str, Any]] = ()
    seconds: float = 0.0
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything asked for was published."""
        return self.snapshot is not None and not self.refused and not self.waiting


@dataclass(frozen=True)
class Run:
    """What a run has at hand: the domain's ports, a connection, who it is, when it began, who looks at what is staged, who tells
    what the product's columns are made of, and the days of the plan it is of, if it is of one.
    """

    ports: Ports
    con: duckdb.DuckDBPyConnection
    run_id: str
    now: datetime
    look_at: Callable[[Stage], None] = lambda stage: None
    lineage: Callable[[], Lineage] = dict
    looked_at: Sequence[date] = ()


def publish(run: Run, product: Product, days: Sequence[date]) -> Outcome:
    """Make the product's rows for `days` (none for a whole product) and publish what keeps the contract.

    Raises:
        NotPublished: an input has nothing at all yet. SchemaMismatch: the result has not the contract's columns.
        PolicyViolated: who looks at what is staged refuses it.
        ContractBroken: the contract breaks what its major promised.
    """
    with _without_values(product), folded(run.ports, run.con, product) as ports:
        run = replace(run, ports=ports)
        late = _stale(run, product, days)
        if late:
            try:
                return _publish(run, product, sorted({*days, *late}))
            except Exception as error:  # noqa: BLE001 - whatever it is, a run of these days alone says it
                _log.warning("%s is made without %s: %s", product.address, days_in_words(late), type(error).__name__)
        return _publish(run, product, days)


def _stale(run: Run, product: Product, days: Sequence[date]) -> set[date]:
    """The other days of the plan that what was published since it was made has changed."""
    others = set(run.looked_at) - set(days) if days else set()
    return set(ProductNode(product, run.ports).state(others).days) if others else set()


@contextmanager
def _without_values(product: Product) -> Iterator[None]:
    """What DuckDB says of an event's value goes no further: errors are kept in logs that others read and that no erasure reaches."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        if not any(read.form == "events" for read in product.inputs):
            raise
        raise MeshError(
            f"{product.address}: its SQL fails on what an event says ({type(error).__name__}); that is private, so it is not said here. "
            f"Write TRY_CAST where values are cast. The owner sees the value with: dagmesh replay {product.address} --compare"
        ) from None


def _publish(run: Run, product: Product, days: Sequence[date]) -> Outcome:
    began = perf_counter()
    refuse_broken(run.ports.resolver.lake, product)
    inputs = run.ports.resolve(product)
    waiting = {day: sources for day in days if (sources := _waits_for(inputs, day))}
    ready = [day for day in days if day not in waiting]
    if days and not ready:
        return Outcome(waiting=waiting)
    ready = _changed(run, product, inputs, ready)
    sql = conform_sql(run.con, _rows(run, product, inputs, ready), product.contract)
    with in_order(run.con, product):
        stage = run.ports.resolver.lake.table(product.address).stage(run.con, sql, product, ready)
    with _used_up(stage):
        stage = stage.with_contents()
        report = audited(run.con, run.ports.resolver.lake, inputs, stage)
        kept = expectations_kept(run.con, run.ports.resolver.lake, product, stage, report)
        report = with_expectations(report, kept)
        quarantine = None if report.passed else _quarantined(run, product, stage, report, kept)
        _note_refusals(run, product, inputs, days, report)
        refused = Outcome(report, refused=report.refused_days, waiting=waiting, quarantine=quarantine)
        if not (report.passed_days if days else report.passed):
            return refused
        stage = stage.with_row_hashes(run.con, {day: tally.row_hash for day, tally in report.tallies.items()})
        run.look_at(stage)
        sample = sample_rows(run.con, product, stage, report.passed_days)
        snapshot = _published(run, product, inputs, stage, report, perf_counter() - began)
        if run.ports.folded:
            run.ports.folded.forget_others()
    seconds = perf_counter() - began
    return replace(refused, snapshot=snapshot, published=report.passed_days, sample=sample, seconds=seconds)


def _changed(run: Run, product: Product, inputs: Sequence[Input], days: list[date]) -> list[date]:
    """Of a projection only the days whose rows are not published as they are now: how few they are is known once it is folded.

    Where there are none it is the last day: a run has something to show for itself.
    """
    if product.projection is None or not days:
        return days
    made = run.ports.resolver.lake.table(product.address).fingerprints(days)
    return [day for day in days if made.get(day) != made_of(product, inputs, [day])] or days[-1:]


@contextmanager
def _used_up(stage: Stage) -> Iterator[None]:
    """Whatever happens, what is left of the stage goes."""
    try:
        yield
    finally:
        stage.discard()


def _note_refusals(run: Run, product: Product, inputs: Sequence[Input], days: Sequence[date], report: Report) -> None:
    """Remember what was refused, so that the planner does not ask for the same rows again."""
    why = "; ".join(result.text for result in report.failed if result.severity == "error")
    refused: list[date | None] = [*report.refused_days] if days else [None] * (not report.passed)
    standing = {day: Refusal(refused_for(product, inputs, [day] if day else []), why) for day in refused}
    published = [*report.passed_days] if days else [None] * report.passed
    Refusals.of(run.ports.resolver.lake.home, product.address).update(standing, published)


def _waits_for(inputs: Collection[Input], day: date) -> str:
    return ", ".join(f"{i.source} {day}" for i in inputs if i.missing(day))


def _rows(run: Run, product: Product, inputs: Sequence[Input], days: Sequence[date]) -> str:
    """FROM-able text of the product's rows for the days: one call of its function, or one for each day it asks for."""

    if product.projection and run.ports.folded:
        return run.ports.folded.rows(days)

    def called(some: Sequence[date], day: date | None) -> str:
        return computed(run.con, product, {i.read.parameter: i.sql(i.seen(some)) for i in inputs}, day)

    if product.per_day:
        parts = [f"SELECT * FROM {called([day], day)} WHERE {_of_days(product, [day])}" for day in days]
        return f"({' UNION ALL BY NAME '.join(parts)})"
    rows = called(days, None)
    if any((i.read.days or 1) > 1 or i.read.late_days for i in inputs) and days:
        return f"(SELECT * FROM {rows} WHERE {_of_days(product, days)})"
    return rows


def _of_days(product: Product, days: Sequence[date]) -> str:
    listed = ", ".join(f"DATE '{day}'" for day in days)
    return f'"{product.partitioned_by}" IN ({listed})'


def _published(run: Run, product: Product, inputs: Sequence[Input], stage: Stage, report: Report, seconds: float) -> Snapshot:
    lake = run.ports.resolver.lake
    days = report.passed_days
    record = Record(
        run_id=run.run_id,
        published_at=run.now,
        made_of={day: made_of(product, inputs, [day]) for day in days} or {None: made_of(product, inputs, [])},
        completeness={day: report.days[day].completeness for day in days} or {None: report.completeness},
        checks=[_signed(result.describe()) for result in report.results],
        profile=report.profile,
        inputs={i.read.parameter: i.record for i in inputs},
        through=None if days else min((i.through for i in inputs if i.through), default=None),
        seconds=round(seconds, 3),
        lineage=run.lineage(),
        judged_by=JUDGED_BY,
        audited=to_remember(report),
    )
    return lake.table(product.address).publish(stage, days, record, lake.signing_key(product.domain))


def _signed(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a check's result that goes into the publication: everything but rows."""
    return {name: value for name, value in result.items() if name != "samples"}


def _quarantined(run: Run, product: Product, stage: Stage, report: Report, kept: Sequence[Kept]) -> Path | None:
    """Where the bad rows are now; None when it is not the rows that are bad."""
    path = quarantine_path(run.ports.resolver.lake.home, product, run.run_id)
    if write_quarantine(run.con, broken_rows_sql(run.con, product, stage, report, kept), path):
        return path
    path.unlink()
    return None
