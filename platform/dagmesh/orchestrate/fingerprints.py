"""Fingerprints: what a day's rows were made of, so that what is stale is decided from the lake alone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import date, timedelta

LENGTH = 16


def digest(parts: Iterable[str]) -> str:
    """Sixteen hexadecimal digits that change when any part changes."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part.encode())
        hasher.update(b"\0")
    return hasher.hexdigest()[:LENGTH]


def window(days: Collection[date], back: int, ahead: int) -> set[date]:
    """Every day of `days`, the `back` days before each and the `ahead` days after each."""
    return {day + timedelta(days=offset) for day in days for offset in range(-back, ahead + 1)}
