"""Builds the mesh in this process: plan, run the next batch as one Dagster run, plan again, until nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from dagmesh.model.domain import Domain
from dagmesh.orchestrate.definitions import definitions
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.nodes import Key, Node
from dagmesh.orchestrate.plan import Plan, Todo, plan
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.sensor import domain_nodes, range_tags

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Ran:
    """One Dagster run of a build: what it made, whether it succeeded, and what it said where it did not."""

    keys: tuple[Key, ...]
    days: tuple[date, ...]
    run_id: str
    success: bool
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Builder:
    """Runs nodes of the loaded domains on a Dagster instance."""

    mesh: Mesh
    domains: Mapping[str, Domain]
    instance: dg.DagsterInstance

    def nodes(self) -> dict[Key, Node]:
        """Every node of the loaded domains."""
        found: dict[Key, Node] = {}
        for domain in self.domains.values():
            found |= domain_nodes(domain, private_tables(domain.name, private_assets(domain)), self.mesh)
        return found

    def build(self, days: Sequence[date], progress: Progress) -> Iterator[Ran]:
        """Make everything stale for `days`; each batch once, so that what fails is tried once."""
        nodes = self.nodes()
        tried: set[str] = set()
        while True:
            batch = self._untried(plan(nodes, days), tried)
            if not batch:
                return
            yield self.run([todo.node.key for todo in batch], next((t.days for t in batch if t.days), ()), progress)

    def _untried(self, planned: Plan, tried: set[str]) -> tuple[Todo, ...]:
        left = planned
        while batch := left.batch():
            state = ";".join(f"{todo.node.key}{todo.days}{todo.node.wanted(todo.days)}" for todo in batch)
            if state not in tried:
                tried.add(state)
                return batch
            failed = {todo.node.key for todo in batch}
            left = left.without(failed)
        return ()

    def run(self, keys: Sequence[Key], days: Sequence[date], progress: Progress) -> Ran:
        """One Dagster run of the nodes, which are of one domain, for a range of days in a row (none: whole products)."""
        domain = self.domains[keys[0][0]]
        assert isinstance(domain, DagsterDomain)
        job = definitions(domain).resolve_implicit_global_asset_job_def()
        run_id = dg._core.utils.make_new_run_id()
        self.instance.add_event_listener(run_id, lambda event: _report(event, progress))
        result = job.execute_in_process(
            instance=self.instance,
            run_id=run_id,
            asset_selection=[dg.AssetKey(list(key)) for key in keys],
            tags={**range_tags(days), "dagster/code_location": domain.name},
            raise_on_error=False,
        )
        return Ran(tuple(keys), tuple(days), run_id, result.success, tuple(_failures(result)))


def _report(event: Any, progress: Progress) -> None:
    if event.is_dagster_event and event.get_dagster_event().is_step_start:
        progress(event.step_key or "")


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            yield (failure.description or "") if failure else (data.error.message if data.error else "")
