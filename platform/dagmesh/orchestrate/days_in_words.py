"""Days in words: those in a row as the first and the last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta


def days_in_words(days: Iterable[date]) -> str:
    """The days, oldest first: `2026-11-16 to 2026-11-19, 2026-11-21`."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(str(day) for day in run) for run in runs)
