"""A trace compiled to SQL: the things that a row is, or was, made of; their state after each of their events; what the row has of it.

The names of what is kept beside a thing's own columns have a space, so that no column can have them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from dagmesh.events.projections.bitemporal import Known
from dagmesh.events.projections.folding import AT, DAY, contributions, things
from dagmesh.events.projections.rows import column_sql, elements_sql, of_days
from dagmesh.events.projections.state import Definition
from dagmesh.events.typed import literal, quoted
from dagmesh.model.projection import Entity, Folded

POSITION, TYPE, SUBJECT, TIME, SAYS = ('"event position"', '"event type"', '"event subject"', '"event time"', '"event says"')
STEP, THING, HELD = '"its step"', '"its thing"', '"held value"'
_OVER = "OVER (PARTITION BY {keys} ORDER BY {at} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"


@dataclass(frozen=True)
class Asked:
    """What is to be traced: one column of the one row that has a key.

    Args:
        column: the column.
        key: the values, as texts, of the columns that name the row; none of them an aggregate.
        types: the contract's columns and their DuckDB types.
        known: the events to look at.
        newest: the day of the newest of them, on which a window ends; None: there is none.
    """

    column: str
    key: Mapping[str, str | None]
    types: Mapping[str, str]
    known: Known
    newest: date | None


@dataclass(frozen=True)
class TraceSql:
    """The SQL of one trace, a step at a time; each step's result is a table that the next one names."""

    definition: Definition
    asked: Asked

    @property
    def entity(self) -> Entity:
        """What the events are folded into."""
        return self.definition.projection.entity

    @property
    def keys(self) -> str:
        """The thing's key."""
        return ", ".join(quoted(name) for name in self.entity.key)

    @property
    def made(self) -> str | Folded:
        """How the column is made: an aggregate, or SQL over an element."""
        projection = self.definition.projection
        if self.asked.column in (projection.by or {}):
            return (projection.by or {})[self.asked.column]
        return projection.columns.get(self.asked.column, quoted(self.asked.column))

    def candidates(self, table: str) -> str:
        """SELECT of the keys of those things, of a table of them, that the row is made of, or would be if `where` let them."""
        projection = replace(self.definition.projection, where=None)
        return f"SELECT {self.keys} FROM ({elements_sql(projection, f'({things(self.entity, table)})')}) WHERE {self._row}"

    def touched(self, relations: Mapping[str, str]) -> str:
        """SELECT of the keys of the things that events, by type, are about."""
        return f"SELECT {self.keys} FROM ({contributions(self.entity, relations)})"

    def distinct(self, selects: Sequence[str]) -> str:
        """SELECT of the keys, each once, that are whole."""
        there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in self.entity.key)
        return f"SELECT DISTINCT {self.keys} FROM ({' UNION ALL '.join(selects)}) WHERE {there}"

    def of_things(self, relations: Mapping[str, str], wanted: str) -> dict[str, str]:
        """The events, by type, that are about some things; `wanted` is what their key is in: a list of literals, or a SELECT."""
        key = ", ".join(f"({sql})" for sql in self.entity.key.values())
        return {name: f"(FROM {sql} WHERE ({key}) IN ({wanted}))" for name, sql in relations.items()}

    def contributed(self, relations: Mapping[str, str]) -> str:
        """SELECT of what each event contributes, with the event's own, and in words what it says of the column."""
        own = [f"position AS {POSITION}", f"type AS {TYPE}", f"subject AS {SUBJECT}", f"time AS {TIME}"]
        return f"SELECT *, {self._says} AS {SAYS} FROM ({contributions(self.entity, relations, own)})"

    def after(self, contributed: str) -> str:
        """SELECT of the state of each event's thing after it, numbered in the order in which they happened."""
        over = _OVER.format(keys=self.keys, at=AT)
        columns = ", ".join(f"{_running(folded, quoted(name), over)} AS {quoted(name)}" for name, folded in self.entity.columns.items())
        kept = f"{POSITION}, {TYPE}, {SUBJECT}, {TIME}, {SAYS}"
        numbers = f"row_number() OVER (ORDER BY {AT}) AS {STEP}, dense_rank() OVER (ORDER BY {self.keys}) AS {THING}"
        return f"SELECT {self.keys}, {columns}, {kept}, {numbers} FROM {contributed}"

    def held(self, after: str) -> str:
        """SELECT of the values that a step's thing gives the row: the step, and of each element the value of the column."""
        day = self.definition.day
        dated = f"(SELECT *, {f'CAST({day} AS DATE)' if day else 'NULL::DATE'} AS {DAY} FROM {after})"
        value = self.made.of if isinstance(self.made, Folded) else column_sql(self.definition.projection, self.asked.column)
        within = of_days(self.definition.projection, self.asked.newest)
        elements = elements_sql(self.definition.projection, dated)
        return f"SELECT {STEP}, ({value}) AS {HELD} FROM ({elements}) WHERE {within} AND {self._row}"

    @property
    def _row(self) -> str:
        """SQL over an element: whether it is of the row."""
        return " AND ".join(["true", *(self._is(name, text) for name, text in self.asked.key.items())])

    def _is(self, name: str, text: str | None) -> str:
        kind, made = self.asked.types[name], column_sql(self.definition.projection, name)
        return f"{made} IS NULL" if text is None else f"CAST({made} AS {kind}) = CAST({literal(text)} AS {kind})"

    @property
    def _says(self) -> str:
        said = ", ".join(_said(name, self.entity.columns[name]) for name in self._used())
        return f"concat_ws(', ', {said})" if said else "''"

    def _used(self) -> Iterator[str]:
        """The thing's columns that the column's value, where it is of one thing, depends on."""
        if isinstance(self.made, Folded):
            return
        projection = self.definition.projection
        text = " ".join([self.made, projection.where or "", projection.unnested[0] if projection.unnested else ""])
        words = {word.lower() for word in re.findall(r"\w+", text)}
        yield from (name for name in self.entity.columns if name.lower() in words)


def _running(folded: Folded, value: str, over: str) -> str:
    """SQL of a thing's column after each event, as a window over its contributions."""
    if folded.way == "count_distinct":
        return f"count(DISTINCT {value}) {over}"
    if folded.way in ("first", "last"):
        return f"{folded.way}_value({value} IGNORE NULLS) {over}"
    return f"coalesce(sum({value}) {over}, 0)" if folded.way == "sum" else f"{folded.way}({value}) {over}"


def _said(name: str, folded: Folded) -> str:
    """SQL of what an event says of a column, in words; NULL when it says nothing."""
    value = quoted(name)
    if folded.way in ("count", "sum"):
        return f"CASE WHEN {value} IS NOT NULL THEN {literal(name)} || CASE WHEN {value} < 0 THEN ' ' ELSE ' +' END || {value} END"
    return f"{literal(f'{name} = ')} || CAST({value} AS VARCHAR)"


def literals(rows: Collection[Sequence[str]], types: Sequence[str]) -> str:
    """A list for IN of keys, each a row of texts of the types."""
    made = (", ".join(f"CAST({literal(text)} AS {kind})" for text, kind in zip(row, types, strict=True)) for row in rows)
    return ", ".join(f"({values})" for values in made)
