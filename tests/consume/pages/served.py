"""The catalogue's routes in a small app: somebody is signed in, and statements are run in this process by the one resolver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pyarrow as pa
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from dagmesh.consume.connection import resolver_of
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages.routes import routes
from dagmesh.consume.query import run_query
from dagmesh.consume.read_log import Asking, Via
from dagmesh.consume.usage.routes import routes as feedback_routes
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh

READER = "x-reader"  # the header that says in whose name a request reads


class Rows:
    """A whole answer, in one table."""

    def __init__(self, table: pa.Table) -> None:
        self.schema = table.schema
        self._batches = iter(table.to_batches())

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        return self

    async def __anext__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except StopIteration:
            raise StopAsyncIteration from None

    async def close(self) -> None:
        self._batches = iter(())


@dataclass(frozen=True)
class InProcess:
    """Runs statements in this process; the query service does in worker processes."""

    mesh: Mesh

    async def run(self, principal: Principal, statement: str, *, purpose: str | None, via: Via, max_rows: int | None) -> Rows:
        resolver = resolver_of(self.mesh, principal.reader, purpose, Asking(principal.name, via))
        with Lake.of(self.mesh).connect() as con:
            return Rows(run_query(con, resolver, statement)[0].to_arrow_table())


def app(mesh: Mesh, reader: str = "analyst") -> Starlette:
    """The app; a reader's principal owns its domain's products."""
    found = Starlette(routes=[*routes(), *feedback_routes()])
    found.state.mesh, found.state.queries = mesh, InProcess(mesh)

    async def signed_in(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.principal = Principal("anna@example.org", request.headers.get(READER, reader), roles=frozenset({"owner"}))
        return await call_next(request)

    found.add_middleware(BaseHTTPMiddleware, dispatch=signed_in)
    return found
