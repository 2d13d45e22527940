"""Charts as places on a drawing board: what the templates draw as plain SVG, in the page's own colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagmesh.consume.pages.facts import PastPublication
from dagmesh.consume.promise_history import KeptDay

BAR, BAR_GAP, BARS_HEIGHT = 8, 2, 64
LINE_WIDTH, LINE_HEIGHT, MARGIN = 160, 36, 4
_MEASURES = ("mean", "distinct_about", "nulls")  # the first that a column has is drawn


@dataclass(frozen=True)
class Bar:
    """One day of the chart of a promise: a full track, and of it the share that was kept, in the words of its tooltip."""

    x: int
    y: float
    height: float
    state: str
    words: str


@dataclass(frozen=True)
class Bars:
    """The chart of a promise: `width` and `height` of the board, its bars, and the days at its ends."""

    width: int
    height: int
    bars: Sequence[Bar]
    first: str
    last: str


def promise_bars(days: Sequence[KeptDay]) -> Bars:
    """A bar for each day: as high as the share of the day during which the promise was kept."""
    bars = [_bar(place, day) for place, day in enumerate(days)]
    return Bars(len(days) * (BAR + BAR_GAP) - BAR_GAP, BARS_HEIGHT, bars, f"{days[0].day}", f"{days[-1].day}")


def _bar(place: int, day: KeptDay) -> Bar:
    x = place * (BAR + BAR_GAP)
    if day.share is None:
        return Bar(x, BARS_HEIGHT - 4, 4, "unknown", f"{day.day}: not published yet")
    words = "kept all day" if day.share == 1 else "not kept" if day.share == 0 else f"kept {day.share:.0%} of the day"
    height = max(4.0, round(day.share * BARS_HEIGHT, 1))
    return Bar(x, BARS_HEIGHT - height, height, "kept" if day.share == 1 else "partly" if day.share else "broken", f"{day.day}: {words}")


@dataclass(frozen=True)
class Line:
    """A measure over publications: `path` of the line, the newest value's point, and the words for who cannot see it."""

    measure: str
    path: str
    x: float
    y: float
    words: str


def profile_line(past: Sequence[PastPublication], column: str) -> Line | None:
    """How the mean of a column, or else its number of different values or of NULLs, went; None where the profile has none."""
    newest: Mapping[str, Any] = past[-1].profile.get(column, {}) if past else {}
    measure = next((name for name in _MEASURES if _is_number(newest.get(name))), None)
    if measure is None:
        return None
    told: list[tuple[datetime, Any]] = [(one.published_at, one.profile.get(column, {}).get(measure)) for one in past]
    points = [(moment, float(value)) for moment, value in told if _is_number(value)]
    placed = _placed(points)
    path = "M" + "L".join(f"{x} {y}" for x, y in placed) if len(placed) > 1 else ""
    name = {"mean": "mean", "distinct_about": "different values, about", "nulls": "NULLs"}[measure]
    words = f"{name}: {points[0][1]:,.6g} to {points[-1][1]:,.6g} over {len(points)} publications" if len(points) > 1 else name
    return Line(name, path, *placed[-1], words)


def _placed(points: Sequence[tuple[datetime, float]]) -> list[tuple[float, float]]:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    begin, span = points[0][0], (points[-1][0] - points[0][0]).total_seconds() or 1.0
    across, up = LINE_WIDTH - 2 * MARGIN, LINE_HEIGHT - 2 * MARGIN
    return [
        (
            round(MARGIN + across * ((moment - begin).total_seconds() / span if len(points) > 1 else 1), 1),
            round(LINE_HEIGHT - MARGIN - up * ((value - low) / (high - low) if high > low else 0.5), 1),
        )
        for moment, value in points
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
