"""The tools of agents over HTTP (MCP's streamable transport at /mcp), behind the service's identity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dagmesh.consume.identity.problem import problem
from dagmesh.consume.service.queries import Queries
from dagmesh.model.mesh import Mesh

_MISSING = "agents need mcp, which is not installed where this service runs. Run there: pip install 'dagmesh[agents]'"


def routes() -> list[BaseRoute]:
    """The route of agents; without the extra `agents` it says so."""
    return [Route("/mcp", _Tools())]


@asynccontextmanager
async def tools_over_http(mesh: Mesh, queries: Queries) -> AsyncIterator[ASGIApp | None]:
    """What answers at /mcp while the block runs; None without the extra `agents`."""
    if not find_spec("mcp"):
        yield None
        return
    from mcp.server.transport_security import TransportSecuritySettings

    from dagmesh.consume.agents.budget import Budgets
    from dagmesh.consume.agents.server import of_request, server
    from dagmesh.consume.agents.tools import Tools
    from dagmesh.consume.search_index import SearchIndex

    made = server(Tools(mesh, queries, Budgets(mesh.home), SearchIndex(queries.readers.lake)), of_request)
    # A page of another host cannot send the token that every request needs, so the host's name need not be known here.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = made.streamable_http_app(streamable_http_path="/mcp", json_response=True, stateless_http=True, transport_security=security)
    async with made.session_manager.run():
        yield app


class _Tools:
    """Hands a request to what the running application answers agents with, if it has it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers: ASGIApp = scope["app"].state.tools or problem(501, _MISSING, title="Not installed")
        await answers(scope, receive, send)
