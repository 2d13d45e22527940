"""Empty catalogues of a DuckDB that reaches nothing outside it, and what is in one: where a product's function is rehearsed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from dagmesh.audit.literals import quoted

if TYPE_CHECKING:
    import duckdb

    from dagmesh.consume.sql_lineage import Schema

_HERE = "NOT internal AND database_name = current_database()"


@contextmanager
def empty_catalogue() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a catalogue that is gone afterwards."""
    database, name = _database(os.getpid()), quoted(f"catalogue {uuid.uuid4().hex}")
    with database.cursor() as con:
        con.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
        try:
            yield con
        finally:
            database.cursor().execute(f"DETACH {name}")


@cache
def _database(pid: int) -> duckdb.DuckDBPyConnection:
    """The one database of a process: a catalogue in it takes 3 ms, a database 25. It starts no thread, so the process may fork."""
    import duckdb

    con = duckdb.connect(config={"enable_external_access": False, "threads": 1, "async_threads": 0})
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    return con


def views(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The text of each view, by its name."""
    return dict(con.execute(f"SELECT view_name, sql FROM duckdb_views() WHERE {_HERE}").fetchall())


def schema(con: duckdb.DuckDBPyConnection) -> Schema:
    """The DuckDB type of each column of each table and view, by their names."""
    found: dict[str, dict[str, str]] = {}
    columns = f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {_HERE} ORDER BY table_name, column_index"
    for table, column, kind in con.execute(columns).fetchall():
        found.setdefault(table, {})[column] = kind
    return found
