"""Rows as a domain's code hands them over - SQL text, a relation, a data frame - as FROM-able text."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagmesh.lake import quoting

if TYPE_CHECKING:
    import duckdb


@contextmanager
def given_rows(con: duckdb.DuckDBPyConnection, rows: Any) -> Iterator[str]:
    """FROM-able text of the rows, as long as the context lasts.

    Args:
        con: the connection that reads the text.
        rows: FROM-able text, a relation of the same DuckDB, or a pandas, Polars or Arrow table.
    """
    if isinstance(rows, str):
        yield rows
        return
    name = f"given_{uuid.uuid4().hex}"
    con.register(name, rows)
    try:
        yield quoting.name(name)
    finally:
        con.unregister(name)
