"""The domains that load in this process, and everything they can make as nodes of one graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from dagmesh.errors import MeshError
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.definitions import definitions
from dagmesh.orchestrate.domain import DagsterDomain
from dagmesh.orchestrate.inputs import Key
from dagmesh.orchestrate.nodes import Node
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.sensor import domain_nodes


@dataclass(frozen=True)
class Loaded:
    """A domain, and its definitions as they were when it was loaded."""

    domain: DagsterDomain
    definitions: dg.Definitions

    @classmethod
    def of(cls, domain: DagsterDomain) -> Loaded:
        """The domain with its definitions."""
        return cls(domain, definitions(domain))


def loaded(locations: Sequence[Location]) -> tuple[dict[str, Loaded], dict[str, str]]:
    """The domains by name, and what is wrong with each that does not load; a domain breaks alone, whatever its code raises."""
    domains: dict[str, Loaded] = {}
    broken: dict[str, str] = {}
    for location in locations:
        try:
            domain = dagster_domain(location)
            domains[domain.name] = Loaded.of(domain)
        except Exception as error:  # noqa: BLE001  # see above
            broken[location.name] = str(error)
    return domains, broken


def dagster_domain(location: Location) -> DagsterDomain:
    """The domain of a code location.

    Raises:
        MeshError: what the location names is none.
    """
    domain = location.load()
    if not isinstance(domain, DagsterDomain):
        raise MeshError(f"domains/{location.name}: {location.module}.{location.attribute} is not a domain; write dm.domain(...).")
    return domain


def nodes_of(mesh: Mesh, domains: Iterable[DagsterDomain], lake: Lake) -> dict[Key, Node]:
    """Every node of the domains."""
    found: dict[Key, Node] = {}
    for domain in domains:
        found |= domain_nodes(domain, private_tables(domain.name, private_assets(domain)), mesh, lake)
    return found
