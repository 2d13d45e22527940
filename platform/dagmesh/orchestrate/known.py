"""What the lake says of a product when its domain is loaded: names and texts for the UI, nothing that a run relies on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagmesh.consume.column_lineage import published_lineage
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.domain import Domain
from dagmesh.model.lineage import Lineage
from dagmesh.orchestrate.expectation_checks import consumers_checks


@dataclass(frozen=True)
class Known:
    """The names of the checks of those that rely on a product, and what its columns are made of."""

    consumers: tuple[str, ...] = ()
    lineage: Lineage = field(default_factory=dict)


def known_of(lake: Lake, domain: Domain) -> Mapping[Address, Known]:
    """What is known of each product of a domain, whatever else there is in the mesh."""
    own = [product.address for product in domain.products]
    return {address: Known(consumers_checks(lake, address), published_lineage(lake, str(address))) for address in own}
