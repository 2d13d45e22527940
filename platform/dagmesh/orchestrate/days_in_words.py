"""Days in a row, and in words as the first and the last of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta


def in_a_row(days: Iterable[date]) -> list[list[date]]:
    """The days, oldest first, those that follow each other together."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def days_in_words(days: Iterable[date]) -> str:
    """The days, oldest first: `2026-11-16 to 2026-11-19, 2026-11-21`."""
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in in_a_row(days))
