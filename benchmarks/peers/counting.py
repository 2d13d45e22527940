"""Counts what DuckDB is asked to do while a module runs: queries, Parquet files opened, row groups scanned.

Usage: python -m benchmarks.peers.counting FILE MODULE ARGUMENT... runs the module as its own command would, and writes the counts of
all databases it opened to FILE, as JSON. Counts do not depend on the machine as seconds do.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

LOGGED = "['QueryLog', 'FileSystem', 'PhysicalOperator']"


def main() -> None:
    """Run the module with DuckDB's own log on, in memory: some databases may not write files."""
    file, connect, kept = Path(sys.argv[1]), duckdb.connect, []

    def logged(**named: Any) -> duckdb.DuckDBPyConnection:
        # A name of its own lets a second connection keep the database, and its log, when the module has closed its own.
        database = f":memory:{len(kept)}"
        con = connect(database, **named)
        kept.append(connect(database, **named))
        con.execute(f"CALL enable_logging({LOGGED})")
        return con

    duckdb.connect = logged
    sys.argv = sys.argv[2:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        found = Counter({"queries": 0, "opened": 0, "row_groups": 0})
        for con in kept:
            found.update(what for entry in con.execute("SELECT type, message FROM duckdb_logs").fetchall() if (what := _counts(*entry)))
        file.write_text(json.dumps(found), encoding="utf-8")


def _counts(kind: str, message: str) -> str:
    """What an entry counts as: a query, a Parquet file opened, a row group scanned; "" for nothing."""
    if kind == "QueryLog":
        return "" if "duckdb_logs" in message else "queries"
    if kind == "FileSystem" and '"op":"OPEN"' in message and '.parquet"' in message:
        return "opened"
    return "row_groups" if kind == "PhysicalOperator" and "ReadRowGroup" in message else ""


if __name__ == "__main__":
    main()
