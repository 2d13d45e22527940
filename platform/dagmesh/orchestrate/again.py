"""Makes published products again of what their domain has already: the whole, or every day that the newest snapshot has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from dagmesh.errors import NotPublished
from dagmesh.lake.lake import Lake
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.builder import Builder, Progress, dagster_instance
from dagmesh.orchestrate.days_in_words import in_a_row
from dagmesh.orchestrate.loading import dagster_domain
from dagmesh.orchestrate.ran import Ran


def make_again(mesh: Mesh, product: Product, progress: Progress) -> Iterator[Ran]:
    """Make a product of its inputs as they are, by one run for days in a row; nothing upstream is made.

    Raises:
        NotPublished: a daily product has no snapshot, so no days.
    """
    domain = dagster_domain(mesh.location(product.domain))
    with dagster_instance(mesh) as instance:
        builder = Builder.of(mesh, domain, instance)
        key = product.address.key[0], product.address.key[1]
        for days in _days(mesh, product):
            yield builder.run(builder.asked([key], days), progress)


def _days(mesh: Mesh, product: Product) -> list[list[date]]:
    """The days of the newest snapshot, those in a row together; of a whole product none, once."""
    if product.partitioned_by is None:
        return [[]]
    table = Lake.of(mesh).table(product.address)
    if table.newest is None:
        message = f"{product.address} has no snapshot yet, so no days to make again. Make it: dagmesh backfill {product.domain} --from ..."
        raise NotPublished(message, address=str(product.address))
    return in_a_row(table.snapshot().days)
