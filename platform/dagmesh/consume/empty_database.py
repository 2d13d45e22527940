"""An empty database to rehearse in: made once in a process, as that takes as long as ten rehearsals."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in UTC that reaches no file; whatever is made in it is gone afterwards."""
    con = _database(os.getpid(), threading.get_ident())
    con.begin()
    try:
        yield con
    finally:
        con.rollback()


@cache  # by process and thread: what a fork inherits hangs, and a connection does one thing at a time
def _database(process: int, thread: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"enable_external_access": False})
    con.execute("SET TimeZone = 'UTC'")
    return con
