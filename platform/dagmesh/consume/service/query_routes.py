"""`POST /v1/query`: one SELECT over products, its rows as JSON, CSV, Parquet or an Arrow stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dagmesh.consume.service.queries import Queries, Statement
from dagmesh.consume.service.requests import body_of, principal_of
from dagmesh.consume.service.streaming import MEDIA_TYPES, Streamed, media_type_of, unless_gone
from dagmesh.errors import nearest, one_of

LONGEST_PURPOSE = 500  # characters
_FIELDS: Mapping[str, tuple[type, str]] = {
    "sql": (str, "text"),
    "purpose": (str, "text"),
    "max_rows": (int, "a whole number from 0"),
    "days": (list, "a list of days such as 2026-11-16"),
}


def routes() -> list[BaseRoute]:
    """The routes of queries."""
    return [Route("/v1/query", query, methods=["POST"])]


async def query(request: Request) -> Response:
    """The statement's answer."""
    media_type = media_type_of(request)
    body = _checked(await _json(request))
    days = None if body.get("days") is None else {day(text) for text in body["days"]}
    statement = Statement(body["sql"], MEDIA_TYPES[media_type], body.get("max_rows"), days)
    return await answered(request, statement, media_type, body.get("purpose"))


async def answered(
    request: Request, statement: Statement, media_type: str, purpose: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """The response with a statement's answer; nothing when the client did not wait for it."""
    queries: Queries = request.app.state.queries
    try:
        answer = await unless_gone(request, queries.run(principal_of(request), statement, purpose=purpose))
    except ClientDisconnect:
        return Response(status_code=499)
    return Streamed(answer, media_type, queries.limits.client_seconds, headers)


async def _json(request: Request) -> Any:
    """The body's JSON value; no more of the body is read than it may have."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "A query is a body of Content-Type: application/json.")
    body = await body_of(request, request.app.state.queries.limits.body_bytes)
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a character can be escaped in JSON, and not be recorded
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is no JSON in UTF-8: {error}.") from error
    return value


def _checked(body: Any) -> dict[str, Any]:
    example = '{"sql": "select * from orders.orders"}'
    if not isinstance(body, dict) or "sql" not in body:
        raise HTTPException(400, f"The body is a JSON object with the statement as sql: {example}")
    for name, value in body.items():
        if name not in _FIELDS:
            raise HTTPException(400, f"no field '{name}'; choose {one_of(_FIELDS)}.{nearest(name, _FIELDS)}")
        kind, words = _FIELDS[name]
        is_negative = isinstance(value, int) and value < 0
        is_good = isinstance(value, kind) and not isinstance(value, bool) and not is_negative
        if not is_good and not (value is None and name != "sql"):
            raise HTTPException(400, f"{name}: got {json.dumps(value)[:80]}; write {words}.")
    check_purpose(body.get("purpose"))
    return body


def check_purpose(purpose: str | None) -> None:
    """Nothing, unless a purpose is longer than what is recorded with every read; then HTTPException 400."""
    if purpose is not None and len(purpose) > LONGEST_PURPOSE:
        raise HTTPException(400, f"purpose: got {len(purpose):,} characters; write at most {LONGEST_PURPOSE}.")


def day(text: Any) -> date:
    """The day that a text names.

    Raises:
        HTTPException: 400, it names none.
    """
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise HTTPException(400, f"days: {text!r} is no day; write it as 2026-11-16.") from error
