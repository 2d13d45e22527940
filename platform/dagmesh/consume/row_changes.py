"""What differs between two states of a product's rows: rows that came, rows that went, cells that have another value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from dagmesh.audit.conform import column_types
from dagmesh.lake.quoting import name as quoted

SHOWN = 20


@dataclass(frozen=True)
class RowChange:
    """One change: a row that is `new` or `gone`, or a `changed` cell; the key by column."""

    what: str
    key: Mapping[str, Any]
    column: str = ""
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class RowChanges:
    """How many rows and, by column, cells differ; the columns that only one side has; the first changes by key."""

    new: int
    gone: int
    cells: Mapping[str, int]
    new_columns: Sequence[str]
    gone_columns: Sequence[str]
    first: Sequence[RowChange]

    @property
    def total(self) -> int:
        """How many changes there are, of rows and cells."""
        return self.new + self.gone + sum(self.cells.values())

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.total or self.new_columns or self.gone_columns)

    def describe(self) -> dict[str, Any]:
        """The changes as JSON values and cells' values."""
        return {
            "same": self.same,
            "rows_new": self.new,
            "rows_gone": self.gone,
            "cells_changed": dict(self.cells),
            "columns_new": list(self.new_columns),
            "columns_gone": list(self.gone_columns),
            "first": [vars(change) for change in self.first],
        }


def row_changes(con: duckdb.DuckDBPyConnection, before: str, after: str, key: Sequence[str]) -> RowChanges:
    """What changes from one state of a product's rows to another.

    Args:
        con: where they are compared.
        before: FROM-able rows.
        after: FROM-able rows.
        key: the columns that tell rows apart; rows are compared whole where one side has not all of them.
    """
    old, new = column_types(con, before), column_types(con, after)
    both = [name for name in new if name in old]
    keys = list(key) if key and set(key) <= set(both) else both
    sides = _Sides(keys, [name for name in both if name not in keys], [name for name in both if old[name] != new[name]])
    con.execute(f"CREATE OR REPLACE TEMP TABLE differing AS {sides.differing(before, after)}")
    try:
        counts = con.execute(f"SELECT {sides.counts} FROM differing").fetchall()[0]
        rows = con.execute(f"FROM differing ORDER BY ALL LIMIT {SHOWN}").fetchall()
    finally:
        con.execute("DROP TABLE differing")
    cells = {name: count for name, count in zip(sides.values, counts[2:], strict=True) if count}
    first = [change for row in rows for change in sides.changes(row)][:SHOWN]
    return RowChanges(counts[0], counts[1], cells, [c for c in new if c not in old], [c for c in old if c not in new], first)


@dataclass(frozen=True)
class _Sides:
    """The columns that both states have: keys, values, and those of another type, which are compared as texts."""

    keys: Sequence[str]
    values: Sequence[str]
    other_types: Sequence[str]

    def differing(self, before: str, after: str) -> str:
        """SELECT of the rows that differ: the key, whether each side has the row, and each value before and after."""
        same_key = " AND ".join(f"b.k{n} IS NOT DISTINCT FROM a.k{n}" for n in range(len(self.keys)))
        columns = [f"coalesce(b.k{n}, a.k{n})" for n in range(len(self.keys))]
        columns += ["b.there IS NOT NULL AS before", "a.there IS NOT NULL AS after"]
        columns += [f"{side}.v{n} AS {side}{n}" for n in range(len(self.values)) for side in "ba"]
        differs = ["b.there IS NULL", "a.there IS NULL", *(f"b.v{n} IS DISTINCT FROM a.v{n}" for n in range(len(self.values)))]
        joined = f"({self._side(before)}) b FULL JOIN ({self._side(after)}) a ON {same_key}"
        return f"SELECT {', '.join(columns)} FROM {joined} WHERE {' OR '.join(differs)}"

    def _side(self, rows: str) -> str:
        said = [f"{self._compared(name)} AS k{n}" for n, name in enumerate(self.keys)]
        said += [f"{self._compared(name)} AS v{n}" for n, name in enumerate(self.values)]
        return f"SELECT {', '.join(said)}, true AS there FROM {rows}"

    def _compared(self, name: str) -> str:
        return f"CAST({quoted(name)} AS VARCHAR)" if name in self.other_types else quoted(name)

    @property
    def counts(self) -> str:
        """Aggregates of the differing rows: new, gone, and the changed cells of each value."""
        changed = [f"count(*) FILTER (before AND after AND b{n} IS DISTINCT FROM a{n})" for n in range(len(self.values))]
        return ", ".join(["count(*) FILTER (NOT before)", "count(*) FILTER (NOT after)", *changed])

    def changes(self, row: Sequence[Any]) -> Iterator[RowChange]:
        """The changes that a differing row stands for."""
        key, rest = dict(zip(self.keys, row, strict=False)), row[len(self.keys) :]
        before, after, *cells = rest
        if not (before and after):
            yield RowChange("new" if after else "gone", key)
            return
        for name, was, now in zip(self.values, cells[::2], cells[1::2], strict=True):
            if was != now:
                yield RowChange("changed", key, name, was, now)
