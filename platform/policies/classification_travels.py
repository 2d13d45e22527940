"""A column made of personal or confidential values is at least as restricted, or says why not."""

from collections.abc import Iterator

import dagmesh as dm
from dagmesh.model.classification import carried


class ClassificationTravels(dm.Policy):
    """is {given}, and comes from {origin} ({needed}){by}; classify it {needed}, or say declassified="why"."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Every column has at least the class of the columns whose values it shows, by column lineage."""
        for found in carried(subject.product, subject.lineage, subject.mesh_products, subject.lineage_of, subject.domain.newest):
            yield dm.Finding(f"column '{found.column}'", given=found.given, origin=found.origin, needed=found.needed, by=found.by)
