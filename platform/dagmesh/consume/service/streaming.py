"""Answers as HTTP responses: the form by Accept, the pieces as they come, an end for clients that go away or stall."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from dagmesh.consume.service.answer import Answer
from dagmesh.consume.service.forms import Form
from dagmesh.errors import DagmeshError, one_of

T = TypeVar("T")
MEDIA_TYPES: Mapping[str, Form] = {
    "application/json": "json",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
    "text/csv": "csv",
}
READS = "dagmesh-reads"
QUERY = "dagmesh-query"
_LOG = logging.getLogger("dagmesh.service")


class Streamed(StreamingResponse):
    """An answer in the form it was asked in; its headers say the query's id and what it is computed from.

    An answer that fails after its first byte ends without its last chunk: no client takes it for whole.
    """

    def __init__(self, answer: Answer, media_type: str, client_seconds: float, headers: Mapping[str, str] | None = None) -> None:
        reads = [
            {"address": str(one.address), "masks": dict(one.access.masks), "rows": one.access.rows, "grant": one.access.grant}
            for one in answer.readings
        ]
        own = {QUERY: answer.query, READS: json.dumps(reads), "cache-control": "private, no-cache"}
        super().__init__(answer.pieces(), headers={**own, **(headers or {})}, media_type=media_type)
        self._answer = answer
        self._client_seconds = client_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, and let go of its worker whatever happens."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._client_seconds):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except (DagmeshError, TimeoutError) as error:
            _LOG.warning("query %s broke off after %d rows: %s", self._answer.query, self._answer.rows, error or "its client stalled")
        finally:
            await self._answer.close()


def media_type_of(request: Request, among: Mapping[str, Form] = MEDIA_TYPES) -> str:
    """The media type that the request wants most of those given; the first of them when it does not say.

    Raises:
        HTTPException: 406, it wants none of them.
    """
    wanted = [_range(part) for part in request.headers.get("accept", "*/*").split(",")]
    for name, _ in sorted(wanted, key=lambda one: -one[1]):
        main, _, sub = name.partition("/")
        matching = [media for media in among if name in ("*/*", media) or (sub == "*" and media.startswith(f"{main}/"))]
        if matching:
            return matching[0]
    raise HTTPException(406, f"{request.headers['accept']!r} is not served here; choose {one_of(among)}.")


def _range(part: str) -> tuple[str, float]:
    """A media range and how much it is wanted; one that cannot be read is not wanted."""
    name, *parameters = (text.strip() for text in part.split(";"))
    weights = [text.partition("=")[2] for text in parameters if text.startswith("q=")]
    try:
        weight = float(weights[0]) if weights else 1.0
    except ValueError:
        weight = 0.0
    return (name.lower(), weight) if weight > 0 else ("", 0.0)


async def unless_gone(request: Request, doing: Coroutine[Any, Any, T]) -> T:
    """What the coroutine gives; it is cancelled when the client goes away first.

    Raises:
        ClientDisconnect: nobody waits for it any more.
    """
    task = asyncio.ensure_future(doing)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
