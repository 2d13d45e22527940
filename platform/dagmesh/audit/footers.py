"""What the footers of Parquet files prove of the rows in them, where DuckDB itself wrote the footers.

A footer is believed when this very release of DuckDB wrote it: the stage is a `COPY` of the same process, which counted the
NULLs and found the bounds from the rows it was writing, and whoever could change a staged footer could change the rows as
well. Any other writer's may lie: Parquet's bounds leave NaN out, text may be cut, counts may be missing or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from dagmesh.audit.compile import Step, counted, number_sql
from dagmesh.audit.literals import quoted, text
from dagmesh.model.contract import Column, Contract
from dagmesh.model.rule import COMPARISONS, ColumnRef

# What is bounded by values of its own type; text may be cut, and a list's bounds are its items'.
BOUNDED = ("int", "float", "decimal", "bool", "date", "timestamp")
# Different values, summed over row groups, that are few: gathered from everywhere they take some tens of megabytes.
FEW = 2**20


@dataclass(frozen=True)
class Footers:
    """What is known of the rows without reading them.

    `clean` are the rules that no row breaks, `bounds` the smallest and largest value of each column of integers, `dictionaries`
    the columns whose different values stand once in each row group, `few` those of which there are few in all.
    """

    clean: frozenset[str] = frozenset()
    bounds: Mapping[str, tuple[int, int]] | None = None
    dictionaries: frozenset[str] = frozenset()
    few: frozenset[str] = frozenset()


def written_by_us(con: duckdb.DuckDBPyConnection, files: Sequence[str]) -> bool:
    """Whether this release of DuckDB wrote every one of the files."""
    ours = "bool_and(starts_with(created_by, 'DuckDB version ' || version() || ' '))"
    return bool(con.execute(f"SELECT {ours} FROM parquet_file_metadata({_listed(files)})").fetchall()[0][0])


def footers(con: duckdb.DuckDBPyConnection, files: Sequence[str], contract: type[Contract], steps: Sequence[Step]) -> Footers:
    """What the files' footers prove, read once whatever the number of rules. For files that were `written_by_us`."""
    bounded = [column for column in contract.columns if column.type.kind in BOUNDED]
    between = [step for step in steps if step.way == "condition" and _is_interval(contract, step)]
    integers = [column.name for column in bounded if column.type.kind == "int"]
    wanted = [*(counted(step.sql) for step in between), *(f"{edge}({quoted(name)})" for name in integers for edge in ("min", "max"))]
    facts, _, *answers = con.execute(_facts_sql(files, bounded, wanted)).fetchall()[0]
    by_name = {fact["name"]: fact for fact in facts or ()}
    known = {column.name for column in bounded if column.name in by_name and by_name[column.name]["bounded"]}
    clean = {s.rule.name for s, broken in zip(between, answers, strict=False) if not broken and s.rule.columns[0] in known}
    edges = answers[len(between) :]
    return Footers(
        frozenset(clean | {step.rule.name for step in steps if _is_given(contract, step, by_name)}),
        {name: (low, high) for name, low, high in zip(integers, edges[::2], edges[1::2], strict=True) if name in known and low is not None},
        frozenset(name for name, fact in by_name.items() if fact["dictionaries"]),
        frozenset(name for name, fact in by_name.items() if fact["dictionaries"] and (fact["values"] or FEW) < FEW),
    )


def _is_interval(contract: type[Contract], step: Step) -> bool:
    """Whether the values that keep the rule have no gap: if neither bound breaks it, nothing between them does."""
    kind = contract.column(step.rule.columns[0]).type.kind
    return kind in BOUNDED and step.rule.kind in COMPARISONS and step.rule.kind != "ne" and not isinstance(step.rule.value, ColumnRef)


def _is_given(contract: type[Contract], step: Step, facts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the rule is that a column is given, and no row lacks it. NaN is no NULL, so floats are never known to be given."""
    if step.rule.kind != "not_null" or contract.column(step.rule.columns[0]).type.kind == "float":
        return False
    fact = facts.get(step.rule.columns[0])
    return fact is not None and fact["nulls"] == 0


def _facts_sql(files: Sequence[str], columns: Sequence[Column], wanted: Sequence[str]) -> str:
    """One row: each stored column's facts as a list, a count, and what is `wanted` of two rows, the lowest and the highest values."""
    cases = " ".join(f"WHEN {text(column.name)} THEN {_both_known(column)}" for column in columns)
    known = f"CASE name {cases} ELSE FALSE END" if columns else "FALSE"
    fact = f"""SELECT name, CASE WHEN count(nulls) = count(*) THEN sum(nulls) END AS nulls,
        bool_and(dictionary) AS dictionaries, CASE WHEN count(several) = count(*) THEN sum(several) END AS values,
        bool_and(coalesce({known}, FALSE) OR coalesce(nulls = n, FALSE)) AS bounded
        FROM groups GROUP BY name"""
    return f"""WITH groups AS MATERIALIZED (SELECT path_in_schema AS name, stats_min_value AS low, stats_max_value AS high, num_values AS n,
            stats_null_count AS nulls, stats_distinct_count AS several,
            dictionary_page_offset IS NOT NULL AS dictionary FROM parquet_metadata({_listed(files)})),
        edges AS (SELECT {_edges(columns, "min", "low")} UNION ALL SELECT {_edges(columns, "max", "high")})
        SELECT {", ".join(["(SELECT list(fact) FROM (" + fact + ") AS fact)", "count(*)", *wanted])} FROM edges"""


def _edges(columns: Sequence[Column], function: str, bound: str) -> str:
    found = (f"{function}({_edge(c, bound)}) FILTER (name = {text(c.name)}) AS {quoted(c.name)}" for c in columns)
    return f"{', '.join(['count(*)', *found])} FROM groups"


def _edge(column: Column, bound: str) -> str:
    """A bound as a value of the column's type; NULL where it is none, or NaN."""
    edge = f"TRY_CAST({bound} AS {column.type.duckdb})"
    return f"CASE WHEN {number_sql(edge)} THEN {edge} END" if column.type.kind == "float" else edge


def _both_known(column: Column) -> str:
    return f"{_edge(column, 'low')} IS NOT NULL AND {_edge(column, 'high')} IS NOT NULL"


def _listed(files: Sequence[str]) -> str:
    return f"[{', '.join(text(file) for file in files)}]"
