"""Names and values as DuckDB's SQL writes them, exactly: quoted names, typed literals, times in UTC."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any


class NotCompiled(Exception):
    """A rule that SQL cannot say with certainty; Pandera judges it. Never leaves the audit."""


def quoted(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def names(columns: Iterable[str]) -> str:
    """Names in double quotes, separated by commas."""
    return ", ".join(quoted(column) for column in columns)


def literal(value: Any) -> str:
    """A bool, int, float, text, day or moment with a time zone, as a literal of DuckDB's own type for it.

    Raises:
        NotCompiled: DuckDB has no such value, or orders it unlike Python (NaN, text with NUL or half a surrogate pair).
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{_utc(value)}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    raise NotCompiled(f"{type(value).__name__} has no literal")


def text(value: str) -> str:
    """Text in single quotes."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise NotCompiled("text that SQL cannot hold")
    return "'" + value.replace("'", "''") + "'"


def _float(value: float) -> str:
    if math.isnan(value):
        raise NotCompiled("NaN is ordered unlike pandas'")
    return f"'{value!r}'::DOUBLE"


def _utc(value: datetime) -> str:
    try:
        return value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
    except OverflowError as error:
        raise NotCompiled("beyond the years 1 to 9999") from error
