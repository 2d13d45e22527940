"""The real service, for whom a header names: identity proper has tests of its own."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dagmesh.consume.identity.principal import SCOPES, Principal
from dagmesh.consume.service.app import application
from dagmesh.consume.service.limits import Limits
from dagmesh.model.mesh import Mesh

READER = "x-reader"  # the header that says in whose name a request reads


class SignedIn:
    """Takes everybody for one who owns the products of the domain in whose name it reads."""

    def __init__(self, app: ASGIApp, reader: str) -> None:
        self._app = app
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            request.state.principal = Principal("anna@example.org", request.headers.get(READER, self._reader), roles=frozenset({"owner"}))
            request.state.scopes = frozenset(SCOPES)
        await self._app(scope, receive, send)


def app(mesh: Mesh, reader: str = "analyst") -> Starlette:
    """The service of a mesh; its workers live while it runs."""
    return application(mesh, middleware=[Middleware(SignedIn, reader=reader)], limits=Limits(workers=1, memory_mb=512))
