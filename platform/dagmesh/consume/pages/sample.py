"""Sample rows of a product, read in the principal's name by the query service like any other read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.read_log import Via
from dagmesh.model.address import Address

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 10
PURPOSE = "sample rows on the catalogue page"


class Answer(Protocol):
    """What a query gives: its schema, then its rows in batches; closed by who asked."""

    schema: pa.Schema

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        """The rows."""

    async def close(self) -> None:
        """End it."""


class Queries(Protocol):
    """What runs a statement in a principal's name; see `consume/service`."""

    async def run(self, principal: Principal, statement: str, *, purpose: str | None, via: Via, max_rows: int | None) -> Answer:
        """The answer; raises what refuses it."""


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
