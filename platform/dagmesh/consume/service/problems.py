"""Errors on the wire: RFC 9457 problem details, from which the Python client makes the same exception again."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dagmesh.consume.identity.problem import problem
from dagmesh.consume.pages.refused import is_at_a_browser, refused_page
from dagmesh.consume.remote import URN
from dagmesh.errors import (
    AccessRefused,
    AddressError,
    DagmeshError,
    FeedbackRefused,
    NotPublished,
    PolicyViolated,
    QueryLimit,
    QueryRefused,
    ServiceBusy,
)

_STATUS: Mapping[type[DagmeshError], int] = {
    QueryLimit: 422,
    QueryRefused: 400,
    AddressError: 400,
    FeedbackRefused: 422,
    AccessRefused: 403,
    PolicyViolated: 403,
    NotPublished: 404,
    ServiceBusy: 503,
}
"""What a request can be answered with; every other error is the mesh's own state, 500."""


def refused(request: Request, error: Exception) -> Response:
    """The problem of a DagmeshError: its class as type, its message as detail, its facts beside them; at a browser a page."""
    assert isinstance(error, DagmeshError)
    kind = type(error).__name__
    status = next((status for known, status in _STATUS.items() if isinstance(error, known)), 500)
    if is_at_a_browser(request):
        return refused_page(request, str(error), status)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, ServiceBusy) else None
    title = (inspect.getdoc(type(error)) or kind).partition(".")[0].partition(";")[0]
    return problem(status, str(error), headers, title, **{**vars(error), "type": f"{URN}{kind}"})


def not_served(request: Request, error: Exception) -> Response:
    """The problem of a request that no route serves, or that it cannot take."""
    assert isinstance(error, HTTPException)
    if is_at_a_browser(request):
        nothing_more = error.detail == HTTPStatus(error.status_code).phrase
        said = request.url.path if nothing_more else error.detail
        return refused_page(request, f"{_TITLES.get(error.status_code, 'The request is not served')}: {said}", error.status_code)
    return problem(error.status_code, error.detail, error.headers, _TITLES.get(error.status_code, "The request is not served"))


def broken(_: Request, error: Exception) -> Response:
    """The problem of an error nobody foresaw; the service's log has its traceback."""
    return problem(500, f"{type(error).__name__}; the service's log says more.", title="The service failed")


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
