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


def window(days: Collection[date], length: int) -> set[date]:
    """Every day of `days` and the `length - 1` days before each."""
    return {day - timedelta(days=back) for day in days for back in range(length)}
