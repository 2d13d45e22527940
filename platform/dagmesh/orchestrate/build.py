"""Makes products in this process: plan, run the next batch as one Dagster run, plan again, until nothing is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from dagmesh.errors import AddressError, MeshError, nearest
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.builder import Builder, Progress, dagster_instance
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.loading import dagster_domain, loaded
from dagmesh.orchestrate.nodes import Node, State, TableNode
from dagmesh.orchestrate.own_python import BuildThere, has_own_python, run_there
from dagmesh.orchestrate.plan import Part, Todo, changes, forget_touched, parts, plan
from dagmesh.orchestrate.ran import Ran
from dagmesh.orchestrate.second_process import SecondProcess, second_process
from dagmesh.orchestrate.unchanged import note_build


def build_mesh(mesh: Mesh, days: Sequence[date], only: Sequence[str], progress: Progress, beside: bool = False) -> Iterator[Ran]:
    """Make everything stale for `days`, of all domains or of some; what fails is not tried again before its inputs change.

    A domain that has its own interpreter is built by it, in its turn. One that does not load is reported and left out.

    Args:
        mesh: whose domains.
        days: to look at.
        only: the domains' names; none: all.
        progress: called with what is going on.
        beside: make independent domains side by side. The process must not have opened a lake or started a thread: it forks.
    """
    for name in only:
        mesh.location(name)
    here = [at for at in mesh.locations if not only or at.name in only]
    elsewhere = [at for at in here if has_own_python(at)]
    domains, broken = loaded([at for at in here if at not in elsewhere])
    with second_process(mesh, domains, beside) as second, dagster_instance(mesh) as instance:
        yield from (Ran(name, (), (), False, 0.0, (error,)) for name, error in broken.items())
        success = not broken
        builder = Builder(mesh, domains, instance)
        stale, there = _Stale(builder, days, progress, second), BuildThere(mesh, days)
        lake, heads = Lake.of(mesh), None
        while heads != (heads := lake.heads()):
            for ran in chain(stale.make(), there.build(elsewhere)):
                success = success and ran.success
                yield ran
            if not elsewhere:
                break
        standing = builder.standing(days)
        if standing:
            yield Ran("", (), (), False, 0.0, standing)
        elif success and not only and not elsewhere:  # which files another interpreter's domains look at is not known here
            note_build(mesh, lake, days, builder.patterns())


@dataclass(frozen=True)
class _Stale:
    """What is stale, made batch after batch, and beside each what needs nothing of it; `tried` failed, or came to nothing."""

    builder: Builder
    days: Sequence[date]
    progress: Progress
    second: SecondProcess | None
    tried: dict[Part, str] = field(default_factory=dict)

    def make(self) -> Iterator[Ran]:
        """Make everything; what fails is left alone while it would be made of the same.

        What a run did not come to, because something before it failed, is planned again.
        """
        nodes = self.builder.nodes
        succeeded: set[frozenset[Part]] = set()
        states: dict[Key, State] = {}
        for batch, ran in self._batches(states):
            if not ran.success or parts(batch) in succeeded:
                self.tried.update(changes(nodes, parts(todo for todo in batch if todo.node.key in ran.begun or not ran.begun)))
            succeeded.add(parts(batch))
            forget_touched(states, nodes, batch)
            yield ran

    def _batches(self, states: dict[Key, State]) -> Iterator[tuple[tuple[Todo, ...], Ran]]:
        """Each batch that was made, and what came of it; the states are looked up anew where the caller has forgotten them."""
        second = self.second
        while True:
            batch = self._next(states)
            if batch:
                yield batch, self.builder.run(batch, self.progress, self.days)
            elif second and second.batch:
                self.progress(f"{', '.join(second.domains)}: made by the second process")
            else:
                return
            if second and (second.has_made() or (second.batch and not batch)):
                yield second.made()

    def _next(self, states: dict[Key, State]) -> tuple[Todo, ...]:
        """What is made next here, what can be made beside it being handed over; when nothing seems left, all is looked at anew."""
        nodes, same, second = self.builder.nodes, self._same_again(), self.second
        planned = plan(nodes, self.days, same, states)
        if second:
            second.offer(planned, self.days)
        if second and second.batch:
            return next((batch for batch in planned.whole_batches() if batch[0].node.key[0] not in second.domains), ())
        return planned.batch() or plan(nodes, self.days, same).batch()

    def _same_again(self) -> set[Part]:
        """What was tried and would come to the same."""
        return {part for part, change in changes(self.builder.nodes, self.tried).items() if self.tried[part] == change}


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
