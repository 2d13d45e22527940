"""A product in code beside its baseline: what changed, which version that needs, and whom it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dagmesh.consume.baseline import Baseline, Consumer, baseline, consumers
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.change import Change
from dagmesh.model.diff import changes, is_enough, needed_version, too_low
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh


@dataclass(frozen=True)
class Comparison:
    """A product and what it is held against; a new one has no baseline and no changes."""

    product: Product
    baseline: Baseline | None
    changes: tuple[Change, ...]
    consumers: tuple[Consumer, ...]

    @property
    def address(self) -> Address:
        """The product's address in code."""
        return self.product.address

    @property
    def needed(self) -> str:
        """The least version that will do."""
        return needed_version(self.baseline.product["version"], self.changes) if self.baseline else self.product.version

    @property
    def enough(self) -> bool:
        """Whether the version in code will do."""
        return is_enough(self.product.version, self.needed)

    @property
    def message(self) -> str | None:
        """What to do when the version is too low, else None."""
        if self.enough or self.baseline is None:
            return None
        return too_low(self.baseline.product, self.product.describe(), self.changes, broken_readers(self.changes, self.consumers))

    def readers(self, change: Change) -> list[str]:
        """Whom a change breaks: nobody when it breaks nothing."""
        return broken_readers([change], self.consumers)

    def describe(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return {
            "address": str(self.address),
            "baseline": self.baseline.origin if self.baseline else None,
            "before": self.baseline.product["version"] if self.baseline else None,
            "after": self.product.version,
            "needed": self.needed,
            "enough": self.enough,
            "message": self.message,
            "changes": [{**change.describe(), "readers": self.readers(change)} for change in self.changes],
        }


def compared(mesh: Mesh, lake: Lake, product: Product) -> Comparison:
    """The product beside its baseline."""
    against = baseline(lake, product.address, mesh.location(product.domain).folder)
    found = changes(against.product, product.describe()) if against else ()
    breaking = any(change.effect == "breaking" for change in found)
    return Comparison(product, against, found, tuple(consumers(lake, product.address)) if breaking else ())


def broken_readers(found: Iterable[Change], reading: Iterable[Consumer]) -> list[str]:
    """The products that breaking changes hurt: those that rely on a column of theirs, or did not say on which they do."""
    breaking = [change for change in found if change.effect == "breaking"]
    return sorted({consumer.address.name for consumer in reading if any(_hurts(change, consumer) for change in breaking)})


def _hurts(change: Change, consumer: Consumer) -> bool:
    if change.place == "serves":
        return consumer.address.domain in set(change.before) - set(change.after)
    return consumer.relies_on(change.column)
