"""The key of a row as somebody writes it, held to the contract: its columns, each with a value of its type."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from dagmesh.audit.literals import text
from dagmesh.consume.published_row import key_columns
from dagmesh.errors import FeedbackRefused

LONGEST = 200  # characters of a value


def check_key(product: Mapping[str, Any], address: str, key: Mapping[str, str]) -> None:
    """Nothing, when the key names one row of the contract; whether there is such a row is not looked up.

    Raises:
        FeedbackRefused: a column of the key is missing, another is named, or a value is not of its column's type.
    """
    columns = key_columns(product)
    if set(key) != set(columns):
        got = f"got {', '.join(str(name)[:40] for name in key)}" if key else "got none"
        raise FeedbackRefused(f"a wrong row of {address} is named by {' and '.join(columns)}; {got}.")
    types = {column["name"]: column["type"] for column in product["contract"]["columns"]}
    for name in columns:
        value = key[name]
        if not isinstance(value, str) or not value or len(value) > LONGEST or not value.isprintable():
            raise FeedbackRefused(f"{name} of a row of {address} is a text of 1 to {LONGEST} characters that can be shown.")
        if not _is_of(types[name], value):
            raise FeedbackRefused(f"{name} of a row of {address} is {types[name]}; {value!r} is none.")


def _is_of(type: str, value: str) -> bool:
    import duckdb

    with closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        row = con.execute(f"SELECT TRY_CAST({text(value)} AS {type}) IS NOT NULL").fetchone()
    return bool(row and row[0])
