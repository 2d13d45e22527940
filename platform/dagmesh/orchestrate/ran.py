"""What came of one Dagster run that this process, or a domain's own interpreter, has made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dagmesh.orchestrate.inputs import Key


@dataclass(frozen=True)
class Ran:
    """One Dagster run: what it made, whether it succeeded, how long it took, what it said where it failed, and what it came to."""

    domain: str
    keys: tuple[Key, ...]
    days: tuple[date, ...]
    success: bool
    seconds: float
    messages: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    begun: frozenset[Key] = frozenset()
