"""What somebody at a browser is told where a program gets a problem's JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse

from dagmesh.consume.pages.links import Links
from dagmesh.consume.pages.rendering import HEADERS, rendered
from dagmesh.model.mesh import ui_url


def is_at_a_browser(request: Request) -> bool:
    """Whether a page is asked for, by somebody who logged in."""
    return "text/html" in request.headers.get("accept", "") and "authorization" not in request.headers


def refused_page(request: Request, message: str, status: int) -> HTMLResponse:
    """The page that says why not, in the words of an error."""
    who = getattr(request.state, "principal", None)
    return HTMLResponse(rendered("refused.html", Links(ui_url()), datetime.now(UTC), who, message=message), status, headers=HEADERS)
