"""An answer as batches: each once, however many there are."""

import asyncio

import pyarrow as pa

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.queries import Queries, Statement
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


def test_who_breaks_off_within_the_first_rows_has_read_them(shop_mesh: Mesh) -> None:
    """A part of a batch is handed out before the whole is written: its rows are counted by then."""

    async def asked() -> tuple[int, int]:
        queries = Queries(shop_mesh, Limits(workers=1, memory_mb=512))
        await queries.open()
        try:
            answer = await queries.run(ANNA, Statement("SELECT repeat('x', 1000) AS text FROM range(2_000)", "json"))
            async for piece in answer.pieces():
                if len(piece) > 1000:
                    break
            await answer.close()
            return answer.size_bytes, answer.rows
        finally:
            await queries.close()

    size, rows = asyncio.run(asked())

    assert 1000 < size < 2_000_000
    assert rows == 2_000
