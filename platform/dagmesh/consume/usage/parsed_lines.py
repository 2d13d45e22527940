"""Lines of the log of reads as a table: every line as it was written, and what it says in columns."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from dagmesh.lake import quoting

if TYPE_CHECKING:
    import duckdb

# What a line says, of a read or of an end, as DuckDB's JSON structure; what it does not say is NULL.
_STRUCTURE = """{"at": "TIMESTAMPTZ", "reader": "VARCHAR", "address": "VARCHAR", "columns": ["VARCHAR"], "rows": "BIGINT",
    "purpose": "VARCHAR", "grant": "VARCHAR", "decision": "VARCHAR", "why": "VARCHAR", "principal": "VARCHAR", "via": "VARCHAR",
    "query": "VARCHAR", "statement": "VARCHAR", "price": {"amount": "VARCHAR", "currency": "VARCHAR", "per": "VARCHAR"},
    "completes": "VARCHAR", "refuses": "VARCHAR", "size_bytes": "BIGINT", "milliseconds": "BIGINT", "outcome": "VARCHAR"}"""


def parsed_lines(con: duckdb.DuckDBPyConnection, lines: Sequence[tuple[date, int, str]]) -> str:
    """The name of a new table of the lines, as long as the database is there: `day`, `number`, `line`, and what each says.

    Args:
        con: of a database in memory, in UTC.
        lines: each with its day and its number in the day's log.

    Raises:
        duckdb.InvalidInputException: a line is no JSON.
    """
    table = quoting.name(f"lines_{uuid.uuid4().hex}")
    days, numbers, texts = ([*column] for column in zip(*lines, strict=True)) if lines else ([], [], [])
    given = "SELECT unnest($1::DATE[]) AS day, unnest($2::BIGINT[]) AS number, unnest($3::VARCHAR[]) AS line"
    said = f"unnest(json_transform(line, '{_STRUCTURE}'))"
    con.execute(f"CREATE TABLE {table} AS SELECT day, number, line, {said} FROM ({given})", [days, numbers, texts])
    return table
