"""Counts what DuckDB is asked to do while something runs: queries, Parquet files opened, row groups scanned.

Usage: python -m benchmarks.peers.counting FILE MODULE ARGUMENT... runs the module as its own command would, and writes the counts of
all databases it opened to FILE, as JSON. Counts do not depend on the machine as seconds do.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

LOGGED = "['QueryLog', 'FileSystem', 'PhysicalOperator']"


def main() -> None:
    """Run the module and write its counts."""
    file = Path(sys.argv[1])
    sys.argv = sys.argv[2:]
    with counted() as found:
        try:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        finally:
            file.write_text(json.dumps(found()), encoding="utf-8")


@contextmanager
def counted() -> Iterator[Callable[[], Counter[str]]]:
    """A function that gives the counts so far of every database that is opened meanwhile.

    DuckDB's own log is kept in memory: some databases may not write files.
    """
    connect, kept = duckdb.connect, list[duckdb.DuckDBPyConnection]()

    def logged(**named: Any) -> duckdb.DuckDBPyConnection:
        # A name of its own lets a second connection keep the database, and its log, when it is closed.
        database = f":memory:{uuid4().hex}"
        con = connect(database, **named)
        kept.append(connect(database, **named))
        con.execute(f"CALL enable_logging({LOGGED})")
        return con

    def found() -> Counter[str]:
        counts = Counter({"queries": 0, "opened": 0, "row_groups": 0})
        for con in kept:
            entries = con.execute("SELECT type, message FROM duckdb_logs").fetchall()
            counts.update(what for entry in entries if (what := _counts(*entry)))
        return counts

    duckdb.connect = logged
    try:
        yield found
    finally:
        duckdb.connect = connect
        for con in kept:
            con.close()


def _counts(kind: str, message: str) -> str:
    """What an entry counts as: a query, a Parquet file opened, a row group scanned; "" for nothing."""
    if kind == "QueryLog":
        return "" if "duckdb_logs" in message else "queries"
    if kind == "FileSystem" and '"op":"OPEN"' in message and '.parquet"' in message:
        return "opened"
    return "row_groups" if kind == "PhysicalOperator" and "ReadRowGroup" in message else ""


if __name__ == "__main__":
    main()
