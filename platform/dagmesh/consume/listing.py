"""The listing: every product of a mesh, published or only declared, and what is wrong with it, for lists and the board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dagmesh.consume.catalogue import NOTHING, catalogue
from dagmesh.errors import DagmeshError
from dagmesh.lake.failures import Failures
from dagmesh.lake.lake import Lake
from dagmesh.lake.refusals import Refusals
from dagmesh.model.address import Address
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh


@dataclass(frozen=True)
class Listing:
    """`entries` are JSON values by address, each with its `troubles` in sentences; `broken` says why a domain could not be read."""

    entries: list[dict[str, Any]]
    broken: Mapping[str, DagmeshError]


def listing(mesh: Mesh, lake: Lake) -> Listing:
    """Every product of the mesh: published ones from its lake, declared ones from their files."""
    now = datetime.now(UTC)
    domains, broken = mesh.loaded()
    declared = {product.address: product for domain in domains.values() for product in domain.products}
    entries: dict[Address, dict[str, Any]] = {entry.address: entry.describe(now) for entry in catalogue(lake)}
    for address, entry in entries.items():
        is_gone = address not in declared and address.domain not in broken
        entry["troubles"] = [*troubles(mesh, address), *([_gone(address)] if is_gone else [])]
    for address in declared.keys() - entries.keys():
        entries[address] = _unpublished(declared[address], [*troubles(mesh, address)])
    return Listing([entries[address] for address in sorted(entries)], broken)


def _unpublished(product: Product, troubles: list[str]) -> dict[str, Any]:
    said = {"owner": product.owner, "version": product.version, "serves": list(product.serves), "description": product.description}
    never = f"{product.address} was never published" + ("." if troubles else ": it has not run yet.")
    return {**NOTHING, **said, "address": str(product.address), "troubles": [never, *troubles]}


def troubles(mesh: Mesh, address: Address) -> Iterator[str]:
    """What stands against the product on this machine: refused days, and the last run's failure."""
    standing = Refusals.of(mesh.home, address).standing()
    if standing:
        day, refusal = max(standing.items(), key=lambda item: str(item[0]))
        others = f" ({len(standing)} days are)" if len(standing) > 1 else ""
        yield f"{address}{f' {day}' if day else ''} is refused{others}: {refusal.why}."
    failure = Failures.of(mesh.home, address).standing()
    if failure:
        yield f"{address} failed at {failure.at} (run {failure.run_id[:8]}): {failure.why}"


def _gone(address: Address) -> str:
    return f"{address} is published and no file declares it any more. See who reads it: dagmesh retire {address}"
