"""An answer as batches: each once, however many there are."""

import asyncio

import pyarrow as pa

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.queries import Queries
from dagmesh.model.mesh import Mesh

ANNA = Principal("anna@example.org", "finance")


def batches(mesh: Mesh, statement: str) -> list[pa.RecordBatch]:
    async def asked() -> list[pa.RecordBatch]:
        queries = Queries(mesh, Limits(workers=1, memory_mb=512))
        await queries.open()
        try:
            return [batch async for batch in await queries.run(ANNA, statement)]
        finally:
            await queries.close()

    return asyncio.run(asked())


def test_every_batch_is_given_once(shop_mesh: Mesh) -> None:
    found = batches(shop_mesh, "SELECT range AS n, 'x' || range AS text FROM range(500_000)")

    assert len(found) > 2
    assert pa.Table.from_batches(found)["n"].to_pylist() == list(range(500_000))


def test_an_answer_without_rows_has_no_batch(shop_mesh: Mesh) -> None:
    assert batches(shop_mesh, "SELECT 1 AS one WHERE false") == []
