"""One Dagster run after the other in this process: what there is to make, and a batch of it made."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from time import perf_counter
from typing import Any

import dagster as dg
from dagster._core.definitions.dependency import NodeHandle

from dagmesh.consume.usage.records import patterns
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.instance import install, is_prepared, prepare
from dagmesh.orchestrate.launcher import PROCESS
from dagmesh.orchestrate.loading import Loaded, nodes_of
from dagmesh.orchestrate.nodes import Node, TableNode
from dagmesh.orchestrate.plan import Todo, plan
from dagmesh.orchestrate.processes import stop_requests
from dagmesh.orchestrate.ran import Ran
from dagmesh.orchestrate.resources import lake_of_process
from dagmesh.orchestrate.run_days import days_made, run_tags
from dagmesh.orchestrate.run_messages import failures, warnings
from dagmesh.orchestrate.run_origin import note_origin, origin_tags

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Builder:
    """Runs nodes of domains that load in this process, on a Dagster instance."""

    mesh: Mesh
    domains: Mapping[str, Loaded]
    instance: dg.DagsterInstance

    @classmethod
    def of(cls, mesh: Mesh, domain: DagsterDomain, instance: dg.DagsterInstance) -> Builder:
        """The builder of one domain.

        Raises:
            DefinitionError: with the mistakes of all its files together.
        """
        return cls(mesh, {domain.name: Loaded.of(domain)}, instance)

    @cached_property
    def nodes(self) -> dict[Key, Node]:
        """Every node of the domains."""
        lake = lake_of_process(self.mesh.lake_root, str(self.mesh.home))
        return nodes_of(self.mesh, [loaded.domain for loaded in self.domains.values()], lake)

    def asked(self, keys: Iterable[Key], days: Sequence[date]) -> list[Todo]:
        """The nodes with what somebody asks to make of them: the days, of what is not daily the whole."""
        nodes = [self.nodes[key] for key in keys]
        return [Todo(node, tuple(days) if node.daily else (), "", frozenset()) for node in nodes]

    def patterns(self) -> list[str]:
        """The patterns of the files that private tables are made of."""
        tables = [node.table for node in self.nodes.values() if isinstance(node, TableNode)]
        recorded = [pattern for table in tables if table.records for pattern in patterns(self.mesh.home, table.records)]
        return [*recorded, *(table.files for table in tables if table.files)]

    def standing(self, days: Sequence[date]) -> tuple[str, ...]:
        """What is refused or waits, in a sentence each."""
        planned = plan(self.nodes, days)
        return (*planned.refused, *planned.waiting)

    def run(self, batch: Sequence[Todo], progress: Progress, looked_at: Sequence[date] = ()) -> Ran:
        """One Dagster run of nodes of one domain, planned by a look at some days (none: not planned, but asked for).

        Raises:
            KeyboardInterrupt, SystemExit: somebody stopped it; what it published before stands.
        """
        began = perf_counter()
        keys = tuple(todo.node.key for todo in batch)
        name, run_id = keys[0][0], dg._core.utils.make_new_run_id()
        self.instance.add_event_listener(run_id, lambda entry: _report(entry, name, progress))
        job = self.domains[name].definitions.resolve_implicit_global_asset_job_def()
        with stop_requests() as asked_to_stop:
            result = job.execute_in_process(
                instance=self.instance,
                run_id=run_id,
                asset_selection=[dg.AssetKey(list(key)) for key in keys],
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags={**run_tags(batch, looked_at), **origin_tags(name), PROCESS: str(os.getpid())},
                raise_on_error=False,
            )
            note_origin(self.instance, run_id, name)
            for number in asked_to_stop():  # Dagster and DuckDB make failures of a step of it, after which others would be made
                raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        said = tuple(failures(result)), tuple(warnings(result))
        return Ran(name, keys, days_made(batch), result.success, perf_counter() - began, *said, begun=_begun(job, result))


@contextmanager
def dagster_instance(mesh: Mesh) -> Iterator[dg.DagsterInstance]:
    """The mesh's Dagster instance, installed when it is not there yet."""
    folder = install(mesh.home)
    if not is_prepared(folder):
        prepare(folder)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def _begun(job: dg.JobDefinition, result: dg.ExecuteInProcessResult) -> frozenset[Key]:
    """What the run came to, whatever came of it."""
    steps = [event.step_key for event in result.all_events if event.is_step_start and event.step_key]
    made = (job.asset_layer.get_assets_def_for_node(NodeHandle.from_string(step)) for step in steps)
    return frozenset((key.path[0], key.path[1]) for assets in made if assets for key in assets.keys)


def _report(entry: Any, domain: str, progress: Progress) -> None:
    if entry.is_dagster_event and entry.get_dagster_event().is_step_start:
        progress(f"{domain}: {entry.step_key}")
