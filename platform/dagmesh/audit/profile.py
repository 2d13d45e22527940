"""A light profile of published rows: NULLs, about how many different values, smallest, largest and mean by column.

All are JSON values; of restricted columns there is the number of NULLs only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import duckdb

from dagmesh.audit.compile import counted, missing, value
from dagmesh.audit.literals import quoted
from dagmesh.audit.shown import json_number, moment_sql
from dagmesh.model.contract import Column, Contract

# Longer text is prose or a document: its smallest and largest value tell nothing.
LONGEST_TEXT = 40

Profile = dict[str, dict[str, Any]]


def profiles(con: duckdb.DuckDBPyConnection, sql: str, contract: type[Contract], day: str | None = None) -> dict[date | None, Profile]:
    """The profile of all rows of FROM-able `sql`, by None, and that of each day, if `day` names its column: one scan."""
    measures = {column.name: _measures(column) for column in contract.columns}
    wanted = [measure for found in measures.values() for measure in found.values()]
    by, groups = (quoted(day), f" GROUP BY GROUPING SETS (({quoted(day)}), ())") if day else ("NULL", "")
    rows = con.execute(f"SELECT {by}, {', '.join(wanted)} FROM {sql}{groups}").fetchall()
    return {row[0]: _profile(measures, iter(row[1:])) for row in rows}


def _profile(measures: Mapping[str, Mapping[str, str]], answers: Iterator[Any]) -> Profile:
    return {name: _shown({measure: next(answers) for measure in found}) for name, found in measures.items()}


def _measures(column: Column) -> dict[str, str]:
    found = {"nulls": counted(missing(column))}
    if column.restricted or column.type.kind == "list":
        return found
    found["distinct_about"] = f"approx_count_distinct({value(column)})"
    if column.type.kind != "bool":
        found |= {"min": _edge(column, "min"), "max": _edge(column, "max")}
    if column.type.kind in ("int", "float", "decimal"):
        found["mean"] = f"avg(({value(column)})::DOUBLE)"
    return found


def _edge(column: Column, function: str) -> str:
    edge = f"{function}({value(column)})"
    if column.type.kind == "timestamp":
        return moment_sql(edge)
    return {"decimal": f"{edge}::DOUBLE", "date": f"{edge}::VARCHAR"}.get(column.type.kind, edge)


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    long = any(isinstance(edge, str) and len(edge) > LONGEST_TEXT for edge in (found.get("min"), found.get("max")))
    return {name: json_number(answer) for name, answer in found.items() if not (long and name in ("min", "max"))}
