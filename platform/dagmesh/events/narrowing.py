"""What a reader wants of a store's events, as conditions of SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any


def narrowed(subject: str | None, recursive: bool, until: int | None, types: Collection[str] | None) -> Iterator[tuple[str, list[Any]]]:
    """Each condition with its values: the subject's events, those of subjects below it too, up to a position, of some types."""
    if subject is not None and recursive:
        below = subject.rstrip("/")
        yield "(subject = ? OR (subject >= ? AND subject < ?))", [below, f"{below}/", f"{below}0"]  # 0 comes after /
    elif subject is not None:
        yield "subject = ?", [subject]
    if until is not None:
        yield "position <= ?", [until]
    if types is not None:
        yield f"type IN ({', '.join('?' * len(types))})", list(types)
