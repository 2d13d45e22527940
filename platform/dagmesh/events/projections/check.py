"""Checks a projection against its domain's event types and its contract, by binding each piece of its SQL on empty tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dagmesh.errors import EventRefused, nearest, one_of
from dagmesh.events.declared import Declared
from dagmesh.events.projections.folding import contributions, fold, things
from dagmesh.events.projections.rows import elements_sql
from dagmesh.events.upcast import Upcasts, empty
from dagmesh.model.projection import Folded, Projection

if TYPE_CHECKING:
    import duckdb

Complaint = tuple[str, str]
_UNKNOWN = re.compile(r'Referenced column "(?P<name>[^"]+)" not found|does not have a column named "(?P<other>[^"]+)"')
_WORDS = re.compile(r"\b(current_date|current_time|current_timestamp|localtime|localtimestamp)\b|\b(\w+)\s*\(", re.IGNORECASE)
_INEXACT = ("DOUBLE", "FLOAT")
_CONSISTENT = "CONSISTENT"


def projection_complaints(
    projection: Projection, declared: Declared, columns: Sequence[str], partitioned_by: str | None
) -> Iterator[Complaint]:
    """Field and message of each mistake.

    Args:
        projection: what to check.
        declared: the domain's event types and upcasts.
        columns: the contract's.
        partitioned_by: the column that the product is partitioned by.
    """
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": False}) as con:
        con.execute("SET TimeZone = 'UTC'")
        checked = _Checked(con, projection)
        complaints = [*checked.of_events(declared)] or [*checked.of_things()] or [*checked.of_rows(columns, partitioned_by)]
        yield from complaints


@dataclass(frozen=True)
class _Place:
    """What a piece of SQL is over: an empty table, what that is called, and the names `of` columns or fields it has."""

    table: str
    named: str
    of: str
    known: Sequence[str]
    beside: str = "1"


class _Checked:
    """One projection being checked."""

    def __init__(self, con: duckdb.DuckDBPyConnection, projection: Projection) -> None:
        self.con, self.projection, self.entity = con, projection, projection.entity
        changing = con.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> ?", [_CONSISTENT]).fetchall()
        self.changing = {name for (name,) in changing}

    def of_events(self, declared: Declared) -> Iterator[Complaint]:
        """What is wrong with the SQL over payloads."""
        try:
            lift = Upcasts(declared.types, declared.upcasts)
        except EventRefused as error:
            yield "events", str(error)
            return
        names = sorted({name for name, _ in declared.types})
        for kind in self.entity.types:
            using = [(f"column '{name}'", folded) for name, folded in self.entity.columns.items() if kind in folded.on]
            if kind not in names:
                choose = f"choose {one_of(names)}" if names else "the domain's events.py declares none"
                yield using[0][0], f"there is no event type '{kind}'; {choose}.{nearest(kind, names)}"
                continue
            newest = lift.newest(kind)
            self.con.execute(f"CREATE TABLE {_events(kind)} AS {empty(newest)}")
            place = _Place(_events(kind), kind, "field", [field.column for field in newest.fields.values()], beside="position")
            pieces = [(f"key '{name}'", sql, False) for name, sql in self.entity.key.items()]
            pieces += [(where, folded.on[kind], folded.way == "sum") for where, folded in using]
            for where, sql, is_sum in pieces:
                yield from self._bound(where, sql, place, is_sum=is_sum)

    def of_things(self) -> Iterator[Complaint]:
        """What does not go together; afterwards there is an empty table of things."""
        import duckdb

        relations = {name: _events(name) for name in self.entity.types}
        try:
            self.con.execute(f"CREATE TABLE kept AS {fold(self.entity, f'({contributions(self.entity, relations)})')}")
            self.con.execute(f"CREATE TABLE things AS {things(self.entity, 'kept')}")
        except duckdb.Error as error:
            yield "entity", f"its events do not go together; give the values of a column, and of the key, one type in all: {_said(error)}"

    def of_rows(self, columns: Sequence[str], partitioned_by: str | None) -> Iterator[Complaint]:
        """What is wrong with the SQL over things, and what the contract wants besides."""
        known = [*self.entity.key, *self.entity.columns]
        thing = _Place("things", "a thing", "column", known)
        complaints = [*self._day(thing, partitioned_by), *self._elements(thing)]
        if complaints:
            yield from complaints
            return
        element = _Place("elements", "a thing", "column", [*known, *([self.projection.unnested[1]] if self.projection.unnested else [])])
        made = {**(self.projection.by or {}), **self.projection.columns}
        for name, said in made.items():
            is_sum = isinstance(said, Folded) and said.way == "sum"
            yield from self._bound(f"column '{name}'", (said.of or "") if isinstance(said, Folded) else said, element, is_sum=is_sum)
            if name not in columns:
                yield f"column '{name}'", f"is no column of the contract; choose {one_of(columns)}.{nearest(name, columns)}"
        for name in columns:
            if name not in made and (self.projection.by is not None or name not in known):
                yield f"column '{name}'", f"of the contract is made of nothing; add it to columns, or to the entity.{nearest(name, known)}"

    def _day(self, thing: _Place, partitioned_by: str | None) -> Iterator[Complaint]:
        """What is wrong with the day that rows belong to."""
        day = self.projection.day_of(partitioned_by)
        if self.projection.within and partitioned_by:
            yield "within", f"ends on the newest day, and the product has a snapshot of each {partitioned_by}; leave out one of the two."
        elif day is not None:
            yield from self._bound("within" if self.projection.within else "partitioned_by", day, thing)
        elif partitioned_by is not None:
            yield "partitioned_by", f"'{partitioned_by}' is an aggregate; a row's day must be SQL over one thing."

    def _elements(self, thing: _Place) -> Iterator[Complaint]:
        """What is wrong with `each` and `where`; afterwards there is an empty table of elements."""
        import duckdb

        if self.projection.unnested and (complaints := [*self._bound("each", self.projection.unnested[0], thing)]):
            yield from complaints
            return
        try:
            self.con.execute(f"CREATE TABLE elements AS {elements_sql(replace(self.projection, by=None), 'things')}")
        except duckdb.Error as error:
            yield "where", _about(error, self.projection.where or "", thing)

    def _bound(self, where: str, sql: str, place: _Place, *, is_sum: bool = False) -> Iterator[Complaint]:
        """What is wrong with one piece of SQL over a table."""
        import duckdb

        try:
            kind = self.con.execute(f"DESCRIBE SELECT ({sql}), {place.beside} FROM {place.table}").fetchall()[0][1]
        except duckdb.Error as error:
            yield where, _about(error, sql, place)
            return
        for word, function in _WORDS.findall(sql):
            if word or function.lower() in self.changing:
                yield where, f"{word or function} is not the same each time it is asked, and a projection must be; use the event's time."
        if is_sum and kind in _INEXACT:
            yield where, f"the sum of {kind} depends on the order; cast it, for example ({sql})::DECIMAL(18,2)."


def _about(error: Exception, sql: str, place: _Place) -> str:
    unknown = _UNKNOWN.search(str(error))
    if unknown:
        name = unknown["name"] or unknown["other"]
        return f"{place.named} has no {place.of} '{name}'; choose {one_of(place.known)}.{nearest(name, place.known)}"
    return f"{sql} is no SQL over {place.named}: {_said(error)}"


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _events(name: str) -> str:
    return f'"{name} events"'
