"""A chart of steps as plain inline SVG: a value over time, colours by the page's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 240, 112, 12, 20, 32
_MARKED = 200  # more steps than this are a line without points


def step_chart(points: Sequence[tuple[datetime, float, str]], title: str) -> str:
    """An `<svg>` of the steps; empty for none.

    Args:
        points: when, the value from then on, and what a pointer at it is told; in order of time.
        title: what is shown, for who cannot see it.
    """
    if not points:
        return ""
    begin, end = points[0][0], points[-1][0]
    span = (end - begin).total_seconds() or 1.0
    low, high = min(0.0, *(value for _, value, _ in points)), max(0.0, *(value for _, value, _ in points))
    height = high - low or 1.0
    placed = [(_across((moment - begin).total_seconds() / span), _down((value - low) / height), said) for moment, value, said in points]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{_axes(low, high, begin, end)}{_line(placed, _down(-low / height))}{_dots(placed)}</svg>"
    )


def _across(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _down(share: float) -> float:
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _line(placed: Sequence[tuple[float, float, str]], zero: float) -> str:
    path = f"M{placed[0][0]} {zero}" + "".join(f"H{x}V{y}" for x, y, _ in placed) + f"H{WIDTH - RIGHT}"
    return f'<path class="line" d="{path}"/>'


def _dots(placed: Sequence[tuple[float, float, str]]) -> str:
    if len(placed) > _MARKED:
        return ""
    return "".join(f'<circle class="dot" cx="{x}" cy="{y}" r="3.5"><title>{escape(said)}</title></circle>' for x, y, said in placed)


def _axes(low: float, high: float, begin: datetime, end: datetime) -> str:
    """Lines at the least and greatest value and at nothing, and the first and last moment."""
    height = high - low or 1.0
    made = []
    for value in sorted({low, 0.0, high}):
        y = _down((value - low) / height)
        made.append(f'<path class="axis" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        made.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:,.10g}</text>')
    shape = "%Y-%m-%d" if (end - begin).days > 1 else "%Y-%m-%d %H:%M"
    ends = [(begin, LEFT, "start"), (end, WIDTH - RIGHT, "end")] if end > begin else [(begin, LEFT, "start")]
    made += [f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="{anchor}">{moment.strftime(shape)}</text>' for moment, x, anchor in ends]
    return "".join(made)
