"""The service as one ASGI application: the rooms' routes, the queries they share, errors as problem details."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from dagmesh.consume.agents import http as agents_over_http
from dagmesh.consume.agents.http import tools_over_http
from dagmesh.consume.pages import routes as pages
from dagmesh.consume.service import openapi, product_routes, query_routes
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.problems import EXCEPTION_HANDLERS
from dagmesh.consume.service.queries import Queries
from dagmesh.consume.usage import routes as feedback_routes
from dagmesh.model.mesh import Mesh


def application(mesh: Mesh, *, middleware: Sequence[Middleware] = (), limits: Limits | None = None) -> Starlette:
    """The service of a mesh; its workers live while it runs.

    Args:
        mesh: whose products are served.
        middleware: what sets `request.state.principal`, or answers in its stead; no route is reached without one.
        limits: what a query may take.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        queries = Queries(mesh, limits)
        await queries.open()
        app.state.queries = queries
        try:
            async with tools_over_http(mesh, queries) as app.state.tools:
                yield
        finally:
            await queries.close()

    app = Starlette(routes=_routes(), middleware=middleware, exception_handlers=dict(EXCEPTION_HANDLERS), lifespan=lifespan)
    app.state.mesh = mesh
    return app


def _routes() -> list[BaseRoute]:
    """Every room's routes."""
    rooms = (query_routes, product_routes, feedback_routes, openapi, agents_over_http, pages)
    return [route for room in rooms for route in room.routes()]
