"""A light profile of published rows: NULLs, about how many different values, smallest, largest and mean by column.

All are JSON values; of restricted columns there is the number of NULLs only. The scan takes the figures of each day beside the
rules' counts (`Measure.of_rows`); those of several days are put together from the days' (`Measure.of_days`), not from the rows
again: the sketches that estimate different values can be united.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dagmesh.audit.compile import counted, missing, value
from dagmesh.audit.shown import json_number, moment_sql
from dagmesh.model.contract import Column, Contract

# Longer text is prose or a document: its smallest and largest value tell nothing.
LONGEST_TEXT = 40
_ADDED = "coalesce(sum({}), 0)::BIGINT"
# A state is what DuckDB keeps of an aggregate while it reads; of no rows there is none.
_SKETCH = "coalesce(finalize(combine_aggr({})), 0)"

Profile = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Measure:
    """One figure of a column: the aggregate of a day's rows, and what makes a figure of one or more days' aggregates, `{}` in it."""

    column: str
    name: str
    of_rows: str
    of_days: str


def measures(contract: type[Contract]) -> tuple[Measure, ...]:
    """What is measured of the rows of a contract."""
    return tuple(measure for column in contract.columns for measure in _measures(column))


def profile_of(some: Iterable[Measure], answers: Iterator[Any]) -> Profile:
    """The profile made of the measures' answers, in their order."""
    found: Profile = {}
    for measure in some:
        found.setdefault(measure.column, {})[measure.name] = next(answers)
    return {column: _shown(figures) for column, figures in found.items()}


def _measures(column: Column) -> Iterator[Measure]:
    yield Measure(column.name, "nulls", counted(missing(column)), _ADDED)
    if column.restricted or column.type.kind == "list":
        return
    yield Measure(column.name, "distinct_about", f"approx_count_distinct({value(column)}) EXPORT_STATE", _SKETCH)
    if column.type.kind != "bool":
        for function in ("min", "max"):
            yield Measure(column.name, function, f"{function}({value(column)})", _edge(column, f"{function}({{}})"))
    if column.type.kind in ("int", "float", "decimal"):
        yield Measure(column.name, "mean", f"avg(({value(column)})::DOUBLE) EXPORT_STATE", "finalize(combine_aggr({}))")


def _edge(column: Column, edge: str) -> str:
    if column.type.kind == "timestamp":
        return moment_sql(edge)
    return {"decimal": f"{edge}::DOUBLE", "date": f"{edge}::VARCHAR"}.get(column.type.kind, edge)


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    long = any(isinstance(edge, str) and len(edge) > LONGEST_TEXT for edge in (found.get("min"), found.get("max")))
    return {name: json_number(answer) for name, answer in found.items() if not (long and name in ("min", "max"))}
