"""Identifiers that say when they were made: UUIDs of version 7 (RFC 9562), so that what comes later is kept with what came first."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, date, datetime

_VERSION, _VARIANT = 7 << 76, 2 << 62


def dated_id(at: datetime | None = None) -> str:
    """A new identifier, 32 hexadecimal digits, of now or of that moment."""
    milliseconds = int((at or datetime.now(UTC)).timestamp() * 1000)
    chance = int.from_bytes(os.urandom(10)) & ~(0xF << 76) & ~(0x3 << 62)
    return uuid.UUID(int=milliseconds << 80 | chance | _VERSION | _VARIANT).hex


def day_of(identifier: str) -> date | None:
    """The UTC day on which it was made; None of what is no UUID of version 7."""
    try:
        found = uuid.UUID(hex=identifier)
        return datetime.fromtimestamp((found.int >> 80) / 1000, UTC).date() if found.version == 7 else None
    except (ValueError, OverflowError, OSError):  # whatever it is, it names no day that a clock knows
        return None
