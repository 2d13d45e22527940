"""Logging in with a token for a cookie, and out again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.login_page import local_path
from dagmesh.consume.identity.paths import LOGIN
from dagmesh.consume.identity.principal import Caller
from dagmesh.consume.identity.sessions import Session
from dagmesh.errors import IdentityRefused

COOKIE = "dagmesh_session"
_LONGEST_FORM = 32 * 1024  # bytes


async def logged_in(request: Request, gate: Gate, begin: Callable[[str], Awaitable[tuple[Caller, Session, str]]]) -> Response:
    """The answer to a login's form: on to the page that was asked for, with a cookie that no script can read.

    Raises:
        IdentityRefused: what `begin` raises of the form's token; the form is too long, or has no token.
    """
    form = parse_qs((await _body(request)).decode("utf-8", errors="replace"), max_num_fields=10)
    caller, session, cookie = await begin(form.get("token", [""])[0].strip())
    now = datetime.now(UTC)
    gate.log.record(now, "logged in", caller.principal.name, until=session.until.isoformat())
    response = RedirectResponse(local_path(form.get("next", ["/"])[0]), HTTPStatus.SEE_OTHER)
    length = int((session.until - now).total_seconds())
    response.set_cookie(COOKIE, cookie, max_age=length, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


def logged_out(request: Request, gate: Gate, caller: Caller) -> Response:
    """The answer to a logout's form: the session is ended and its cookie gone."""
    gate.end(request.cookies[COOKIE]) if COOKIE in request.cookies else None
    gate.log.record(datetime.now(UTC), "logged out", caller.principal.name)
    response = RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise IdentityRefused(f"the form has more than {_LONGEST_FORM} bytes; it holds a token and no more.")
    return body
