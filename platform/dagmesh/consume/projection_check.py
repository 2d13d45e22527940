"""Every projection of a domain held to the events that the domain declares, and to its contract."""

from __future__ import annotations

from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.domain import Domain


def check_projections(domain: Domain) -> None:
    """Nothing, when every projection is made of fields that the domain's events have, and makes its contract's columns.

    Raises:
        DefinitionError: with every piece of SQL that does not bind, and every column that is missing.
    """
    projected = [product for product in domain.products if product.projection]
    if not projected:
        return
    from dagmesh.events.declared import declared
    from dagmesh.events.projections.check import projection_complaints

    found, problems = declared(domain.name), []
    for product in projected:
        assert product.projection is not None
        columns = [column.name for column in product.contract.columns]
        complaints = projection_complaints(product.projection, found, columns, product.partitioned_by)
        problems += [Problem(product.file, str(product.address), where, message) for where, message in complaints]
    if problems:
        raise DefinitionError(problems)
