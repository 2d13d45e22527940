"""What is wrong with a request, as `application/problem+json` (RFC 9457): type, title, status, detail."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, title: str = "", **facts: Any) -> JSONResponse:
    """The response that says what is wrong.

    Args:
        status: of HTTP.
        detail: our own message, with the next step.
        headers: of the response.
        title: what kind of thing is wrong, in a few words that are always the same; the status's own when it says enough.
        **facts: more members of the problem.
    """
    said = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status, "detail": detail, **facts}
    never_a_page = {"X-Content-Type-Options": "nosniff"}  # what was asked for is in it
    return JSONResponse(said, status, {**never_a_page, **(headers or {})}, media_type=MEDIA_TYPE)
