"""A grant's condition on rows: judged by DuckDB's own parser, and put where no query can widen or look around it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import duckdb

from dagmesh.consume.plain_select import condition_columns
from dagmesh.errors import QueryRefused, nearest, one_of
from dagmesh.lake import quoting

Columns = tuple[tuple[str, str], ...]
NO_LIMIT = 2**63 - 1


def filtered(sql: str, condition: str) -> str:
    """FROM-able text of the rows for which the condition is true.

    DuckDB moves no part of a query below a LIMIT: what the query does with a row that the condition drops is never computed, so
    that it cannot show by an error.
    """
    return f"(SELECT * FROM {sql} WHERE (\n{condition}\n) LIMIT {NO_LIMIT})"


def filter_problem(condition: str, product: Mapping[str, Any]) -> str:
    """What is wrong with a condition over a described product's rows; empty when nothing is."""
    return _problem(condition, tuple((column["name"], column["type"]) for column in product["contract"]["columns"]))


@lru_cache(maxsize=256)
def _problem(condition: str, columns: Columns) -> str:
    with duckdb.connect(config={"enable_external_access": False}) as con:
        con.execute("SET TimeZone = 'UTC'")
        try:
            looked_at = condition_columns(con, condition)
        except QueryRefused as refusal:
            return str(refusal)
        names = [name for name, _ in columns]
        unknown = sorted(name for name in looked_at if name.lower() not in names)
        if unknown:
            return f"no column '{unknown[0]}'; choose {one_of(names)}.{nearest(unknown[0], names)}"
        return _bound(con, condition, columns)


def _bound(con: duckdb.DuckDBPyConnection, condition: str, columns: Columns) -> str:
    """What DuckDB says of the condition over columns of these types."""
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoting.name(name)}" for name, kind in columns)
    try:
        con.execute(f"SELECT 1 FROM {filtered(f'(SELECT {nothing} WHERE false)', condition)}")
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        return f"DuckDB says: {said}"
    return ""
