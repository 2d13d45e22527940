"""Makes products in this process: plan, run the next batch as one Dagster run, plan again, until nothing is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from time import perf_counter
from typing import Any

import dagster as dg

from dagmesh.consume.usage.records import patterns
from dagmesh.errors import AddressError, MeshError, nearest
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.definitions import definitions
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.instance import install, is_prepared, prepare
from dagmesh.orchestrate.launcher import PROCESS
from dagmesh.orchestrate.loading import dagster_domain, loaded, nodes_of
from dagmesh.orchestrate.nodes import Node, TableNode
from dagmesh.orchestrate.own_python import BuildThere, has_own_python, run_there
from dagmesh.orchestrate.plan import Part, changes, parts, plan
from dagmesh.orchestrate.ran import Ran
from dagmesh.orchestrate.run_origin import note_origin, origin_tags
from dagmesh.orchestrate.sensor import range_tags
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
        builder = Builder(mesh, {domain.name: domain}, instance)
        nodes = builder.nodes()
        key = product_key(domain, address)
        needed = _private_upstream(nodes, key)
        stale = [todo.node.key for todo in plan({k: nodes[k] for k in needed}, [day]).todo]
        yield builder.run([*stale, key], [day] if any(nodes[k].daily for k in (*stale, key)) else [], progress)


def backfill_domain(mesh: Mesh, name: str, days: Sequence[date], progress: Progress) -> Iterator[Ran]:
    """Make everything of a domain again for a range of days in a row, whatever was there."""
    location = mesh.location(name)
    if has_own_python(location):
        yield run_there(mesh, location, ["backfill", name, "--from", str(days[0]), "--to", str(days[-1])])
        return
    with dagster_instance(mesh) as instance:
        domain = dagster_domain(location)
        _check_days(domain, days)
        builder = Builder(mesh, {name: domain}, instance)
        yield builder.run(list(builder.nodes()), days, progress)


@dataclass(frozen=True)
class Builder:
    """Runs nodes of domains that load in this process, on a Dagster instance."""

    mesh: Mesh
    domains: Mapping[str, DagsterDomain]
    instance: dg.DagsterInstance
    tried: dict[Part, str] = field(default_factory=dict)

    def nodes(self) -> dict[Key, Node]:
        """Every node of the domains."""
        return nodes_of(self.mesh, self.domains)

    def patterns(self) -> list[str]:
        """The patterns of the files that private tables are made of."""
        tables = [node.table for node in self.nodes().values() if isinstance(node, TableNode)]
        recorded = [pattern for table in tables if table.records for pattern in patterns(self.mesh.home, table.records)]
        return [*recorded, *(table.files for table in tables if table.files)]

    def build(self, days: Sequence[date], progress: Progress) -> Iterator[Ran]:
        """Make everything stale for `days`; what fails is left alone while it would be made of the same."""
        nodes = self.nodes()
        succeeded: set[frozenset[Part]] = set()
        while batch := plan(nodes, days, self._same_again(nodes)).batch():
            ran = self.run([todo.node.key for todo in batch], next((todo.days for todo in batch if todo.days), ()), progress)
            if not ran.success or parts(batch) in succeeded:
                self.tried.update(changes(nodes, parts(batch)))
            succeeded.add(parts(batch))
            yield ran

    def _same_again(self, nodes: Mapping[Key, Node]) -> set[Part]:
        """What was tried and would come to the same."""
        return {part for part, change in changes(nodes, self.tried).items() if self.tried[part] == change}

    def standing(self, days: Sequence[date]) -> tuple[str, ...]:
        """What is refused or waits, in a sentence each."""
        planned = plan(self.nodes(), days)
        return (*planned.refused, *planned.waiting)

    def run(self, keys: Sequence[Key], days: Sequence[date], progress: Progress) -> Ran:
        """One Dagster run of nodes of one domain, for a range of days in a row (none: whole products)."""
        began = perf_counter()
        domain = self.domains[keys[0][0]]
        run_id = dg._core.utils.make_new_run_id()
        self.instance.add_event_listener(run_id, lambda entry: _report(entry, domain.name, progress))
        result = (
            definitions(domain)
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=self.instance,
                run_id=run_id,
                asset_selection=[dg.AssetKey(list(key)) for key in keys],
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags={**range_tags(days), **origin_tags(domain.name), PROCESS: str(os.getpid())},
                raise_on_error=False,
            )
        )
        note_origin(self.instance, run_id, domain.name)
        said = tuple(_failures(result)), tuple(_warnings(result))
        return Ran(domain.name, tuple(keys), tuple(days), result.success, perf_counter() - began, *said)


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


def _report(entry: Any, domain: str, progress: Progress) -> None:
    if entry.is_dagster_event and entry.get_dagster_event().is_step_start:
        progress(f"{domain}: {entry.step_key}")


def _cause(error: Any) -> str:
    """What went wrong in a domain's code: the first cause, and where in the domain's files; the whole stack is in the run."""
    while error.cause:
        error = error.cause
    own = [line for line in error.stack if "/domains/" in line] or error.stack[-1:]
    return "\n".join([error.message.strip(), *(line.strip() for line in own[-1:])])


def _warnings(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """The checks that failed and only warn."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            if not found.passed and found.severity == dg.AssetCheckSeverity.WARN:
                yield f"warning: {'.'.join(found.asset_key.path)} {found.check_name}: {found.description or 'failed'}"


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What each failed step said; of a run that failed outside its steps, what the run said."""
    steps = [event for event in result.all_events if event.is_step_failure]
    for event in steps:
        data = event.step_failure_data
        failure = data.user_failure_data
        yield (failure.description or "") if failure else (_cause(data.error) if data.error else "")
    for event in result.all_events if not steps else ():
        if event.is_failure:
            error = getattr(event.event_specific_data, "error", None)
            yield error.to_string() if error else (event.message or "")
