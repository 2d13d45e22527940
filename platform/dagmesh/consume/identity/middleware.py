"""The middleware in front of every server of the mesh: nobody gets through without an identity, and every refusal is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from typing import TypeVar
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dagmesh.consume.identity.attempts import Attempts
from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.login import COOKIE, logged_in, logged_out
from dagmesh.consume.identity.login_page import login_page, logout_page
from dagmesh.consume.identity.paths import LOGIN, LOGOUT, OPEN, is_open, scope_of
from dagmesh.consume.identity.principal import Caller
from dagmesh.consume.identity.problem import problem
from dagmesh.errors import DagmeshError, IdentityRefused

LONGEST_PROOF = 8192  # characters
_LONGEST_PATH = 200  # characters that are written down: nobody fills the disk without an identity
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_GONE = 1008  # a websocket's close code: a policy is against it
_T = TypeVar("_T")


class Identity:
    """Lets requests and websockets with an identity through to `app`, with `request.state.principal` and `request.state.scopes`.

    A program says `Authorization: Bearer <token>`; a browser logs in at /login, which this answers itself, and has a cookie. What a
    browser sends without being asked, its cookie, counts only for requests that a page of this server made. `opened` are paths
    without identity, those that end in a slash with all below.
    """

    def __init__(self, app: ASGIApp, gate: Gate, opened: Collection[str] = OPEN) -> None:
        self._app = app
        self._gate = gate
        self._opened = opened
        self._attempts = Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on."""
        if scope["type"] == "lifespan" or is_open(scope["path"], self._opened):
            await self._app(scope, receive, send)
            return
        connection = Request(scope, receive) if scope["type"] == "http" else HTTPConnection(scope)
        response: Response | None = None
        try:
            if isinstance(connection, Request) and scope["path"] == LOGIN:
                response = await self._login(connection)
            else:
                caller = await self._caller(connection)
                state = scope.setdefault("state", {})
                state["principal"], state["scopes"] = caller.principal, caller.scopes
                response = self._logout(connection, caller) if scope["path"] == LOGOUT else None
        except IdentityRefused as refusal:
            response = await self._refused(connection, refusal)
        except DagmeshError as error:
            response = problem(HTTPStatus.SERVICE_UNAVAILABLE, f"nobody can be let in now: {error}")
        if response is None:
            await self._app(scope, receive, send)
        else:
            await _answer(response, scope, receive, send)

    async def _caller(self, connection: HTTPConnection) -> Caller:
        """Who asks, allowed to ask for this path; IdentityRefused otherwise."""
        bearer, cookie = _bearer(connection), connection.cookies.get(COOKIE)
        if bearer is not None:
            caller = await self._tried(connection, bearer, self._gate.caller)
        elif cookie is not None:
            _check_origin(connection)
            caller = await self._tried(connection, cookie, self._gate.in_session)
        else:
            raise IdentityRefused("who asks is not said. Send Authorization: Bearer <token>, or log in at /login")
        needed = scope_of(connection.scope["path"])
        if needed not in caller.scopes:
            held = ", ".join(sorted(caller.scopes))
            message = f"this needs a token with the scope {needed}; this one has {held}."
            raise IdentityRefused(
                f"{message} Ask for another: dagmesh token create <name> --scope {needed}", claimed=caller.principal.name, status=403
            )
        return caller

    async def _tried(self, connection: HTTPConnection, proof: str, judge: Callable[[str], _T]) -> _T:
        """What a proof gives, unless it is too long or its sender failed too often."""
        address = _address(connection)
        wait = self._attempts.wait(address, proof)
        if wait:
            raise IdentityRefused(f"too many failed attempts from {address}. Try again in {ceil(wait)} s", status=429)
        try:
            _check_length(proof)
            # In a thread, because an issuer's keys may have to be fetched.
            given = await asyncio.to_thread(judge, proof)
        except IdentityRefused:
            self._attempts.failed(address, proof)
            raise
        self._attempts.succeeded(proof)
        return given

    async def _login(self, request: Request) -> Response:
        if request.method != "POST":
            return login_page(request.query_params.get("next", "/"))
        _check_origin(request)
        return await logged_in(request, self._gate, lambda proof: self._tried(request, proof, self._gate.begin))

    def _logout(self, connection: HTTPConnection, caller: Caller) -> Response | None:
        if not isinstance(connection, Request):
            return None
        return logged_out(connection, self._gate, caller) if connection.method == "POST" else logout_page(caller.principal.name)

    async def _refused(self, connection: HTTPConnection, refusal: IdentityRefused) -> Response:
        """The refusal, written down and as an answer; to somebody at a browser the form to log in."""
        path, address = connection.scope["path"], _address(connection)
        said_on = {"why": str(refusal), "path": path[:_LONGEST_PATH], "address": address}
        await asyncio.to_thread(self._gate.log.record, datetime.now(UTC), "refused", refusal.claimed, **said_on)
        wants_page = "text/html" in connection.headers.get("accept", "") and "authorization" not in connection.headers
        if wants_page and refusal.status == 401:
            said = "" if COOKIE not in connection.cookies and path != LOGIN else str(refusal)
            return login_page("/" if path == LOGIN else path, said, refusal.status)
        headers = {401: {"WWW-Authenticate": 'Bearer realm="dagmesh"'}, 429: {"Retry-After": "60"}}.get(refusal.status)
        return problem(refusal.status, str(refusal), headers)


def _bearer(connection: HTTPConnection) -> str | None:
    """The token that is sent along; None when none is."""
    said = connection.headers.getlist("authorization")
    if not said:
        return None
    scheme, _, token = said[0].partition(" ")
    if len(said) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise IdentityRefused("the Authorization header is none that is understood. Send one: Authorization: Bearer <token>")
    return token.strip()


def _check_length(proof: str) -> None:
    if len(proof) > LONGEST_PROOF:
        raise IdentityRefused(f"the proof has {len(proof)} characters; at most {LONGEST_PROOF} are looked at.")


def _check_origin(connection: HTTPConnection) -> None:
    """Nothing, when a page of this very server makes the request, or it can change nothing.

    Raises:
        IdentityRefused: another site's page makes it, or one that does not say.
    """
    if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE_METHODS:
        return
    origin, host = connection.headers.get("origin"), connection.headers.get("host")
    secure = {"https": "https", "wss": "https"}.get(connection.scope["scheme"], "http")
    here = urlsplit(f"{secure}://{host}")
    if origin is None or (urlsplit(origin).scheme, urlsplit(origin).netloc) != (here.scheme, here.netloc):
        message = f"the request comes from {'no page' if origin is None else origin}, and a login counts only for pages of {here.geturl()}."
        raise IdentityRefused(message, status=403)


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "local"


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response; to a websocket as far as its server can."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
        return
    await send({"type": "websocket.close", "code": _GONE, "reason": "no identity"})
