"""A refusal as `application/problem+json` (RFC 9457): type, title, status, detail."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that says what is wrong; `detail` is our own message, with the next step."""
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(said, status, headers, media_type="application/problem+json")
