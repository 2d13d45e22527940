"""What a build would make now, and why, without making anything: a line for each product and private table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.days_in_words import days_in_words
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.loading import loaded, nodes_of
from dagmesh.orchestrate.nodes import NEW, Node, ProductNode, TableNode
from dagmesh.orchestrate.own_python import has_own_python, said_there
from dagmesh.orchestrate.plan import Todo, plan
from dagmesh.orchestrate.resources import lake_of_process


@dataclass(frozen=True)
class Stale:
    """One product, by its address, or private table, as `domain.name`, that a build would make.

    `days` are those it would make, none for a whole one; `after` is what a build makes before it.
    """

    made: str
    days: tuple[date, ...]
    reason: str
    after: tuple[str, ...]

    def __str__(self) -> str:
        days = days_in_words(self.days)
        return f"{self.made}{' ' if days else ''}{days}: {self.reason}"


@dataclass(frozen=True)
class Explained:
    """What is stale, upstream first; what waits and what stands refused, in a sentence each; the domains that do not load."""

    stale: tuple[Stale, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def explained(mesh: Mesh, days: Sequence[date], only: Sequence[str]) -> Explained:
    """What `dagmesh build` would do for `days`, of all domains or of some.

    A domain that has its own interpreter is asked there, by the same command.

    Raises:
        MeshError: there is no domain of such a name.
    """
    for name in only:
        mesh.location(name)
    wanted = [at for at in mesh.locations if not only or at.name in only]
    here = _explained_here(mesh, days, [at for at in wanted if not has_own_python(at)])
    parts = [here, *(_explained_there(mesh, days, at) for at in wanted if has_own_python(at))]
    return Explained(*(tuple(said for part in parts for said in getattr(part, name)) for name in Explained.__dataclass_fields__))


def _explained_here(mesh: Mesh, days: Sequence[date], locations: Sequence[Location]) -> Explained:
    domains, broken = loaded(locations)
    lake = lake_of_process(mesh.lake_root, str(mesh.home))
    planned = plan(nodes_of(mesh, [one.domain for one in domains.values()], lake), days)
    names = {todo.node.key: _name(todo.node) for todo in planned.todo}
    stale = [
        Stale(names[todo.node.key], todo.days, _why(todo, names), tuple(sorted(names[key] for key in todo.after))) for todo in planned.todo
    ]
    return Explained(tuple(stale), planned.waiting, planned.refused, tuple(f"{name}: {error}" for name, error in broken.items()))


def _explained_there(mesh: Mesh, days: Sequence[date], location: Location) -> Explained:
    arguments = ["plan", "--domain", location.name, "--days", str(len(days)), "--to", str(days[-1]), "--json"]
    done = said_there(mesh, location, arguments)
    if not done.stdout:
        return Explained(broken=(f"{location.name}: {done.stderr.strip()}",))
    said = json.loads(done.stdout)
    stale = (Stale(e["made"], tuple(map(date.fromisoformat, e["days"])), e["reason"], tuple(e["after"])) for e in said["stale"])
    return Explained(tuple(stale), tuple(said["waiting"]), tuple(said["refused"]), tuple(said["broken"]))


def _name(node: Node) -> str:
    return str(node.product.address) if isinstance(node, ProductNode) else ".".join(node.key)


def _why(todo: Todo, names: Mapping[Key, str]) -> str:
    """Why it is stale: by itself, or because of what is made before it."""
    after = ", ".join(sorted(names[key] for key in todo.after))
    if not todo.reason:
        return f"after {after}"
    if isinstance(todo.node, TableNode):
        own = "not made yet" if todo.reason == NEW else "its files, its code or a table it reads changed"
    else:
        own = NEW if todo.reason == NEW else _changed(todo.node)
    return f"{own}; after {after}" if after else own


def _changed(node: ProductNode) -> str:
    """What is not as it was when the product was last published: contract, code, snapshots that it read."""
    product, table = node.product, node.ports.resolver.lake.table(node.product.address)
    last = table.snapshot().publication
    found = ["its contract changed"] if last.contract_fingerprint != product.contract.fingerprint() else []
    found += ["its code changed"] if last.code_version != product.code_version() else []
    inputs = node.ports.resolve(product)
    found += [said for i in inputs if (i.daily or not node.daily) and (said := _moved(i.record, last.inputs.get(i.read.parameter, {})))]
    return "; ".join(found) or "a private table it reads changed"


def _moved(now: Mapping[str, Any], then: Mapping[str, Any]) -> str:
    """In words that a product has been published again since; empty when it has not, and of a private table."""
    if "snapshot" not in now or now == then:
        return ""
    return f"{now['address']} is at #{now['snapshot']}" + (f", read was #{then['snapshot']}" if "snapshot" in then else "")
