"""The daily automation of a domain: publish what is stale as soon as its inputs are published, say what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import dagster as dg

from dagmesh.consume.grants import Grants
from dagmesh.consume.resolver import Resolver
from dagmesh.consume.usage.records import Records
from dagmesh.lake.lake import Lake
from dagmesh.model.domain import Domain
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.asked_before import AskedBefore
from dagmesh.orchestrate.fingerprints import digest
from dagmesh.orchestrate.inputs import Key, Ports
from dagmesh.orchestrate.nodes import Node, ProductNode, TableNode
from dagmesh.orchestrate.plan import Part, Plan, Todo, changes, due_days, parts, plan
from dagmesh.orchestrate.private_assets import PrivateTable

DAYS_BACK = 7
SECONDS = 10


def domain_nodes(domain: Domain, tables: Mapping[str, PrivateTable], mesh: Mesh) -> dict[Key, Node]:
    """The domain's products and private tables as nodes of the plan."""
    lake = Lake.of(mesh)
    store, records = lake.private(domain.name), Records(lake)
    ports = Ports(domain, Resolver(lake, domain.name, Grants.of(mesh), planning=True), store)
    nodes: list[Node] = [TableNode(domain.name, table, store, records) for table in tables.values()]
    nodes += [ProductNode(product, ports) for product in domain.products]
    return {node.key: node for node in nodes}


def daily_sensor(domain: Domain, tables: Mapping[str, PrivateTable], mesh: Mesh) -> dg.SensorDefinition:
    """A sensor, running by default, that asks for a run of what is stale in the last seven days.

    It looks at the lake, not at the clock: a consumer's day is asked for once every input has published that day. It asks
    for one run at a time, and not again for what failed while it would be made of the same.
    """

    name = f"{domain.name}_daily"

    @dg.sensor(
        name=name,
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Publishes {domain.name}'s products day by day, from {domain.ready_at} UTC, when their inputs are published.",
    )
    def daily(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = datetime.now(UTC)
        if now.strftime("%H:%M") < domain.ready_at:
            return dg.SkipReason(f"{domain.name} publishes from {domain.ready_at} UTC on.")
        nodes, days = domain_nodes(domain, tables, mesh), due_days(domain, now.date(), DAYS_BACK)
        planned = plan(nodes, days)
        if not planned.todo:  # the instance is left alone: to open it costs ten times the rest of the tick
            return _skip(planned)
        asked = AskedBefore(context.instance, name)
        if run_id := asked.under_way(now.timestamp()):
            return dg.SkipReason(f"run {run_id} is under way.")
        return _next(nodes, days, planned, asked)

    return daily


def _next(nodes: Mapping[Key, Node], days: Sequence[date], planned: Plan, asked: AskedBefore) -> dg.RunRequest | dg.SkipReason:
    """A run of the next batch that was not asked for in vain already; else why there is none."""
    left_alone: dict[Part, str] = {}
    while batch := planned.batch():
        for some in (batch, *_by_day(batch)):
            run_key = digest(f"{part}={change}" for part, change in sorted(changes(nodes, parts(some)).items(), key=str))
            before = asked.in_vain(run_key)
            if before is None:
                return _request(some, run_key)
            left_alone |= dict.fromkeys(parts(some), before)
        planned = plan(nodes, days, left_alone)
    return _skip(planned, *_left_alone(left_alone))


def _skip(planned: Plan, *words: str) -> dg.SkipReason:
    return dg.SkipReason("; ".join((*words, *planned.refused, *planned.waiting)) or "everything is published")


def _by_day(batch: Sequence[Todo]) -> Iterator[tuple[Todo, ...]]:
    """The batch for each of its days alone, when there are several: one that fails must not hold up the others."""
    days = next((todo.days for todo in batch if todo.days), ())
    for day in days if len(days) > 1 else ():
        yield tuple(replace(todo, days=(day,)) for todo in batch if todo.days)


def _left_alone(parts_by_run: Mapping[Part, str]) -> Iterator[str]:
    for (key, day), run in sorted(parts_by_run.items(), key=str):
        part = ".".join(key) + (f" {day}" if day else "")
        yield f"{part} is left alone after {run} until its inputs, code or contract change"


def _request(batch: Sequence[Todo], run_key: str) -> dg.RunRequest:
    days = next((todo.days for todo in batch if todo.days), ())
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[dg.AssetKey(list(todo.node.key)) for todo in batch],
        tags=range_tags(days),
    )


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """The run tags that ask for a range of days in one run; none for no days."""
    if not days:
        return {}
    return {"dagster/asset_partition_range_start": days[0].isoformat(), "dagster/asset_partition_range_end": days[-1].isoformat()}
