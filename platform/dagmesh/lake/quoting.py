"""Names and texts as DuckDB's SQL writes them."""

from __future__ import annotations

from collections.abc import Iterable


def name(value: str) -> str:
    """The identifier, quoted."""
    return '"' + value.replace('"', '""') + '"'


def text(value: str) -> str:
    """The string literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """The list of string literals."""
    return f"[{', '.join(text(value) for value in values)}]"
