"""Sample rows of a product, read in the principal's name by the query service like any other read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.queries import Queries
from dagmesh.model.address import Address

ROWS = 10
PURPOSE = "sample rows on the catalogue page"


@dataclass(frozen=True)
class Sample:
    """Names of columns and rows of values, or why there are none."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = field(default=())
    refused: str = ""


async def rows(queries: Queries, principal: Principal, address: Address) -> Sample:
    """A few rows of a product as the principal sees them, masks and all.

    Raises:
        DagmeshError: what the query service refuses.
    """
    answer = await queries.run(principal, f'SELECT * FROM "{address}" LIMIT {ROWS}', purpose=PURPOSE, via="page", max_rows=ROWS)
    try:
        batches = [batch async for batch in answer]
        columns = answer.schema.names
        found = [[row[name] for name in columns] for batch in batches for row in batch.to_pylist()]
        return Sample(columns, found)
    finally:
        await answer.close()
