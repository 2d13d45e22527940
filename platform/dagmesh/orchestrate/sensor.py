"""The daily automation of a domain: publish what is stale as soon as its inputs are published, say what waits for what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from dagmesh.consume.resolver import Resolver
from dagmesh.lake.lake import Lake
from dagmesh.model.domain import Domain
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.inputs import Ports
from dagmesh.orchestrate.nodes import Key, Node, ProductNode, TableNode
from dagmesh.orchestrate.plan import Todo, due_days, plan
from dagmesh.orchestrate.private_assets import PrivateTable

DAYS_BACK = 7
SECONDS = 30


def domain_nodes(domain: Domain, tables: Mapping[str, PrivateTable], mesh: Mesh) -> dict[Key, Node]:
    """The domain's products and private tables as nodes of the plan."""
    lake = Lake.of(mesh)
    store = lake.private(domain.name)
    ports = Ports(domain, Resolver(lake, domain.name), store)
    nodes: list[Node] = [TableNode(domain.name, table, store) for table in tables.values()]
    nodes += [ProductNode(product, ports) for product in domain.products]
    return {node.key: node for node in nodes}


def daily_sensor(domain: Domain, tables: Mapping[str, PrivateTable], mesh: Mesh) -> dg.SensorDefinition:
    """A sensor, running by default, that asks for a run of what is stale in the last seven days.

    It looks at the lake, not at the clock: a consumer's day is asked for once every input has published that day. One
    state of inputs, code and contract is asked for once, so that refused rows are not computed again and again.
    """

    @dg.sensor(
        name=f"{domain.name}_daily",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Publishes {domain.name}'s products day by day, from {domain.ready_at} UTC, when their inputs are published.",
    )
    def daily(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        if now.strftime("%H:%M") < domain.ready_at:
            return dg.SkipReason(f"{domain.name} publishes from {domain.ready_at} UTC on.")
        planned = plan(domain_nodes(domain, tables, mesh), due_days(domain, now.date(), DAYS_BACK))
        batch = planned.batch()
        if not batch:
            return dg.SkipReason("; ".join((*planned.refused, *planned.waiting)) or "everything is published")
        return dg.SensorResult(run_requests=[_request(batch, mesh)])

    return daily


def _request(batch: Sequence[Todo], mesh: Mesh) -> dg.RunRequest:
    days = next((todo.days for todo in batch if todo.days), ())
    state = ";".join(f"{todo.node.key}={todo.node.wanted(todo.days)}" for todo in batch)
    return dg.RunRequest(
        run_key=hashlib.sha256(state.encode()).hexdigest(),
        asset_selection=[dg.AssetKey(list(todo.node.key)) for todo in batch],
        tags=range_tags(days),
    )


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """The run tags that ask for a range of days in one run; none for no days."""
    if not days:
        return {}
    return {"dagster/asset_partition_range_start": days[0].isoformat(), "dagster/asset_partition_range_end": days[-1].isoformat()}
