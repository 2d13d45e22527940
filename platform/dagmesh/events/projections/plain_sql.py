"""What SQL in a projection must not use: it is about one event, thing or element, and says the same whenever it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_CONSISTENT = "CONSISTENT"  # None: a macro
_CLOCKS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
_MULTIPLYING = {"unnest", "unlist", "generate_subscripts"}
_ONE = "SQL here is about one event, thing or element at a time"


class PlainSql:
    """Tells what a piece of SQL uses that it must not."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        known = con.execute("SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions()").fetchall()
        scalar = {name for name, kind, _ in known if kind == "scalar"}
        self.changing = {name for name, _, stability in known if stability not in (_CONSISTENT, None)}
        self.aggregates = {name for name, kind, _ in known if kind == "aggregate"} - scalar

    def complaint(self, sql: str) -> str | None:
        """What is wrong with SQL that DuckDB understands; None: nothing."""
        [(said,)] = self.con.execute("SELECT json_serialize_sql(?)", [f"SELECT {sql}"]).fetchall()
        if len(json.loads(said)["statements"][0]["node"]["select_list"]) > 1:
            return f"{sql} is several values; a column has one."
        return next((message for part in _parts(json.loads(said)) if (message := self._of(part))), None)

    def _of(self, part: dict[str, Any]) -> str | None:
        kind, name = part["class"], part.get("function_name", "").lower().removesuffix("_star")
        if kind == "SUBQUERY":
            return f"has a query in it; {_ONE}."
        if kind == "WINDOW":
            return f"{name}(...) OVER (...) looks at other rows; {_ONE}."
        if name in self.aggregates:
            return f"{name}(...) is over several rows; {_ONE}. Fold events in dm.entity, and things with by."
        if name in _MULTIPLYING:
            return f"{name}(...) makes several rows of one; say each='<list> AS <name>'."
        clock = part["column_names"][0].lower() if kind == "COLUMN_REF" else ""
        if name in self.changing or clock in _CLOCKS:
            return f"{name or clock} is not the same each time it is asked, and a projection must be; use the event's time."
        return None


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for below in tree:
            yield from _parts(below)
