"""Makes products in this process: plan, run the next batch as one Dagster run, plan again, until nothing is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import chain
from time import perf_counter
from typing import Any

import dagster as dg
from dagster._core.definitions.dependency import NodeHandle

from dagmesh.consume.usage.records import patterns
from dagmesh.errors import AddressError, MeshError, nearest
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.instance import install, is_prepared, prepare
from dagmesh.orchestrate.launcher import PROCESS
from dagmesh.orchestrate.loading import Loaded, dagster_domain, loaded, nodes_of
from dagmesh.orchestrate.nodes import Node, State, TableNode
from dagmesh.orchestrate.own_python import BuildThere, has_own_python, run_there
from dagmesh.orchestrate.plan import Part, Todo, changes, forget_touched, parts, plan
from dagmesh.orchestrate.ran import Ran
from dagmesh.orchestrate.resources import lake_of_process
from dagmesh.orchestrate.run_days import days_made, run_tags
from dagmesh.orchestrate.run_messages import failures, warnings
from dagmesh.orchestrate.run_origin import note_origin, origin_tags
from dagmesh.orchestrate.unchanged import note_build

Progress = Callable[[str], None]


def build_mesh(mesh: Mesh, days: Sequence[date], only: Sequence[str], progress: Progress) -> Iterator[Ran]:
    """Make everything stale for `days`, of all domains or of some; what fails is not tried again before its inputs change.

    A domain that has its own interpreter is built by it, in its turn. One that does not load is reported and left out.
    """
    for name in only:
        mesh.location(name)
    with dagster_instance(mesh) as instance:
        here = [at for at in mesh.locations if not only or at.name in only]
        elsewhere = [at for at in here if has_own_python(at)]
        builder, broken = _builder(mesh, instance, [at for at in here if at not in elsewhere])
        yield from broken
        success = not broken
        lake, heads = Lake.of(mesh), None
        there = BuildThere(mesh, days)
        while heads != (heads := lake.heads()):
            for ran in chain(builder.build(days, progress), there.build(elsewhere)):
                success = success and ran.success
                yield ran
            if not elsewhere:
                break
        standing = builder.standing(days)
        if standing:
            yield Ran("", (), (), False, 0.0, standing)
        elif success and not only and not elsewhere:  # which files another interpreter's domains look at is not known here
            note_build(mesh, lake, days, builder.patterns())


def run_product(mesh: Mesh, address: Address, day: date, progress: Progress) -> Iterator[Ran]:
    """Make one product for a day (a whole one: as it is now), and before it the private tables it needs that are stale."""
    location = mesh.location(address.domain)
    if address.snapshot is not None:
        raise AddressError(f"'{address}' names a snapshot, which is made once; write {address.name} to make a new one.")
    if has_own_python(location):
        yield run_there(mesh, location, ["run", str(address), "--day", day.isoformat()])
        return
    with dagster_instance(mesh) as instance:
        domain = dagster_domain(location)
        _check_days(domain, [day])
        builder = Builder.of(mesh, domain, instance)
        nodes = builder.nodes
        key = product_key(domain, address)
        needed = _private_upstream(nodes, key)
        stale = [todo.node.key for todo in plan({k: nodes[k] for k in needed}, [day]).todo]
        yield builder.run(builder.asked([*stale, key], [day]), progress)


def backfill_domain(mesh: Mesh, name: str, days: Sequence[date], progress: Progress) -> Iterator[Ran]:
    """Make everything of a domain again for a range of days in a row, whatever was there."""
    location = mesh.location(name)
    if has_own_python(location):
        yield run_there(mesh, location, ["backfill", name, "--from", str(days[0]), "--to", str(days[-1])])
        return
    with dagster_instance(mesh) as instance:
        domain = dagster_domain(location)
        _check_days(domain, days)
        builder = Builder.of(mesh, domain, instance)
        yield builder.run(builder.asked(builder.nodes, days), progress)


@dataclass(frozen=True)
class Builder:
    """Runs nodes of domains that load in this process, on a Dagster instance."""

    mesh: Mesh
    domains: Mapping[str, Loaded]
    instance: dg.DagsterInstance
    tried: dict[Part, str] = field(default_factory=dict)

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

    def build(self, days: Sequence[date], progress: Progress) -> Iterator[Ran]:
        """Make everything stale for `days`; what fails is left alone while it would be made of the same.

        What a run did not come to, because something before it failed, is planned again.
        """
        succeeded: set[frozenset[Part]] = set()
        states: dict[Key, State] = {}
        while batch := self._next(days, states):
            ran = self.run(batch, progress, days)
            if not ran.success or parts(batch) in succeeded:
                self.tried.update(changes(self.nodes, parts(todo for todo in batch if todo.node.key in ran.begun or not ran.begun)))
            succeeded.add(parts(batch))
            forget_touched(states, self.nodes, batch)
            yield ran

    def _next(self, days: Sequence[date], states: dict[Key, State]) -> tuple[Todo, ...]:
        """What one run can take next; when that seems to be nothing, everything is looked at anew."""
        same = self._same_again()
        return plan(self.nodes, days, same, states).batch() or plan(self.nodes, days, same).batch()

    def _same_again(self) -> set[Part]:
        """What was tried and would come to the same."""
        return {part for part, change in changes(self.nodes, self.tried).items() if self.tried[part] == change}

    def standing(self, days: Sequence[date]) -> tuple[str, ...]:
        """What is refused or waits, in a sentence each."""
        planned = plan(self.nodes, days)
        return (*planned.refused, *planned.waiting)

    def run(self, batch: Sequence[Todo], progress: Progress, looked_at: Sequence[date] = ()) -> Ran:
        """One Dagster run of nodes of one domain, planned by a look at some days (none: not planned, but asked for)."""
        began = perf_counter()
        keys = tuple(todo.node.key for todo in batch)
        name, run_id = keys[0][0], dg._core.utils.make_new_run_id()
        self.instance.add_event_listener(run_id, lambda entry: _report(entry, name, progress))
        job = self.domains[name].definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=self.instance,
            run_id=run_id,
            asset_selection=[dg.AssetKey(list(key)) for key in keys],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={**run_tags(batch, looked_at), **origin_tags(name), PROCESS: str(os.getpid())},
            raise_on_error=False,
        )
        note_origin(self.instance, run_id, name)
        said = tuple(failures(result)), tuple(warnings(result))
        return Ran(name, keys, days_made(batch), result.success, perf_counter() - began, *said, begun=_begun(job, result))


def _builder(mesh: Mesh, instance: dg.DagsterInstance, locations: Sequence[Location]) -> tuple[Builder, list[Ran]]:
    domains, broken = loaded(locations)
    return Builder(mesh, domains, instance), [Ran(name, (), (), False, 0.0, (error,)) for name, error in broken.items()]


def _check_days(domain: DagsterDomain, days: Sequence[date]) -> None:
    if days[0] < domain.start:
        begins = f"{domain.name} begins on {domain.start}; got {days[0]}"
        raise MeshError(f"{begins}. Choose later days, or set an earlier start in its definitions.py.")


def product_key(domain: DagsterDomain, address: Address) -> Key:
    """The asset key of the product that an address means, without a major its newest; AddressError when there is none."""
    found = [product.address for product in domain.products if product.name == address.product]
    if address.major is not None:
        found = [other for other in found if other.major == address.major]
    if not found:
        names = [str(product.address) for product in domain.products]
        raise AddressError(f"{address} is no product of {domain.name}; it has {', '.join(names)}.{nearest(str(address), names)}")
    newest = max(found)
    return newest.key[0], newest.key[1]


def _private_upstream(nodes: Mapping[Key, Node], key: Key) -> set[Key]:
    """The private tables a node needs, and those they need."""
    needed: set[Key] = set()
    left = [key]
    while left:
        for upstream in nodes[left.pop()].upstream:
            if isinstance(nodes.get(upstream), TableNode) and upstream not in needed:
                needed.add(upstream)
                left.append(upstream)
    return needed


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
