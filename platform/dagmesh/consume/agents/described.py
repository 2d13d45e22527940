"""A product in words and values for an agent: contract, promise, state, and what to be careful of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dagmesh.consume.catalogue import Entry
from dagmesh.consume.listing import troubles
from dagmesh.consume.resolver import Look
from dagmesh.model.mesh import Mesh

_SAID = (
    "name",
    "domain",
    "owner",
    "version",
    "description",
    "contract",
    "promise",
    "serves",
    "support",
    "documentation",
    "tags",
    "price",
    "sunset",
)


def described(found: Entry, now: datetime) -> dict[str, Any]:
    """A product's contract and promise, and the state of its newest snapshot."""
    return {**{name: found.product.get(name) for name in _SAID}, "state": found.describe(now)}


def caveats(mesh: Mesh, found: Entry, look: object, now: datetime) -> list[str]:
    """What to say when its numbers are used, in sentences; empty when there is nothing."""
    return [*_of_state(mesh, found, now), *(_of_masks(look) if isinstance(look, Look) else ())]


def _of_state(mesh: Mesh, found: Entry, now: datetime) -> Iterator[str]:
    promise = found.promise(now)
    if not promise.kept:
        yield f"Its promise is not kept: {promise.words}."
    yield from troubles(mesh, found.address)
    if found.product.get("sunset"):
        yield f"This major ends on {found.product['sunset']}; see whether there is a newer one."
    completeness = found.snapshot.publication.completeness if found.snapshot else 1.0
    if completeness < 1:
        yield f"It is {completeness:.2%} complete."


def _of_masks(look: Look) -> Iterator[str]:
    for column, mask in look.access.masks.items():
        yield f"{column} is shown masked ({mask}); its values are not the true ones."
    if look.access.rows:
        yield f"Only rows with {look.access.rows} are shown."
