"""Templates into pages: everything that is not ours is escaped, and nothing is loaded from anywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import jinja2

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.pages.links import Links

POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def rendered(template: str, links: Links, now: datetime, who: Principal | None = None, **values: Any) -> str:
    """A page of a template in this package.

    Args:
        template: its name, `product.html`.
        links: how this page links to others.
        now: the moment, for what is late or not.
        who: who looks at it; None where nobody has logged in, at a copy of files.
        **values: what it says.
    """
    return _environment().get_template(template).render(links=links, now=now.astimezone(UTC), who=who, **values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dagmesh.consume.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "moment": _moment, "is_kept": _is_kept, "shown": _shown}
    return environment


def _number(value: Any) -> str:
    """A number as people read it; other values as they are, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _moment(value: datetime | str) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _is_kept(card: dict[str, Any], now: datetime) -> bool:
    """Whether a product of a list keeps its promise now."""
    return bool(not card["refused"] and card["is_complete"] and now < datetime.fromisoformat(card["kept_until"]))


def _shown(value: Any) -> str:
    """A value of a row as text, cut where it is long; moments without the zeros behind their seconds."""
    if isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".") + " UTC"
    else:
        text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:119]}\N{HORIZONTAL ELLIPSIS}"
