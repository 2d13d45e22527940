"""Errors on the wire: RFC 9457 problem details, from which the Python client makes the same exception again."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dagmesh.consume.pages.refused import is_at_a_browser, refused_page
from dagmesh.consume.remote import URN
from dagmesh.errors import (
    AccessRefused,
    AddressError,
    DagmeshError,
    NotPublished,
    PolicyViolated,
    QueryLimit,
    QueryRefused,
    ServiceBusy,
)

MEDIA_TYPE = "application/problem+json"
_STATUS: Mapping[type[DagmeshError], int] = {
    QueryLimit: 422,
    QueryRefused: 400,
    AddressError: 400,
    AccessRefused: 403,
    PolicyViolated: 403,
    NotPublished: 404,
    ServiceBusy: 503,
}
"""What a request can be answered with; every other error is the mesh's own state, 500."""


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **facts: Any) -> Response:
    """The response that says what is wrong: `title` in a few words, always the same for one kind; `detail` in full."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **facts}
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def refused(_: Request, error: Exception) -> Response:
    """The problem of a DagmeshError: its class as type, its message as detail, its facts beside them."""
    assert isinstance(error, DagmeshError)
    kind = type(error).__name__
    status = next((status for known, status in _STATUS.items() if isinstance(error, known)), 500)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, ServiceBusy) else None
    title = (inspect.getdoc(type(error)) or kind).partition(".")[0].partition(";")[0]
    return problem(status, title, str(error), headers, **{**vars(error), "type": f"{URN}{kind}"})


def not_served(request: Request, error: Exception) -> Response:
    """The problem of a request that no route serves, or that it cannot take."""
    assert isinstance(error, HTTPException)
    if is_at_a_browser(request):
        return refused_page(request, f"{_TITLES.get(error.status_code, error.detail)}: {request.url.path}", error.status_code)
    return problem(error.status_code, _TITLES.get(error.status_code, "The request is not served"), error.detail, error.headers)


def broken(_: Request, error: Exception) -> Response:
    """The problem of an error nobody foresaw; the service's log has its traceback."""
    return problem(500, "The service failed", f"{type(error).__name__}; the service's log says more.")


_TITLES = {
    400: "The request is not understood",
    401: "Nobody said who asks",
    404: "There is nothing here",
    405: "The method is not served",
    406: "The form is not served",
    413: "The request is too long",
    415: "The request's form is not understood",
}
EXCEPTION_HANDLERS: Mapping[Any, Any] = {DagmeshError: refused, HTTPException: not_served, Exception: broken}
