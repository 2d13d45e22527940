"""Checks a projection against its domain's event types and its contract, by binding each piece of its SQL on empty tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dagmesh.errors import EventRefused, nearest, one_of
from dagmesh.events.declared import Declared
from dagmesh.events.projections.folding import contributions, fold, things
from dagmesh.events.projections.plain_sql import PlainSql
from dagmesh.events.projections.rows import elements_sql
from dagmesh.events.upcast import Upcasts, empty
from dagmesh.model.projection import Folded, Projection

if TYPE_CHECKING:
    import duckdb

Complaint = tuple[str, str]
_UNKNOWN = re.compile(
    r'Referenced column "(?P<column>[^"]+)" not found|does not have a column named "(?P<of_table>[^"]+)"'
    r'|Referenced table "(?P<table>[^"]+)" not found'
)
_NO_KEY = re.compile(r'Could not find key "(?P<name>[^"]+)" in struct')
_INEXACT = ("DOUBLE", "FLOAT")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_NOTHING = '"NULL"'
_DAYS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", _NOTHING)


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


class _Checked:
    """One projection being checked."""

    def __init__(self, con: duckdb.DuckDBPyConnection, projection: Projection) -> None:
        self.con, self.projection, self.entity = con, projection, projection.entity
        self.plain = PlainSql(con)
        self.kinds: dict[str, str] = {}  # of the pieces bound last: place -> DuckDB type

    def of_events(self, declared: Declared) -> Iterator[Complaint]:
        """What is wrong with the SQL over payloads."""
        try:
            lift = Upcasts(declared.types, declared.upcasts)
            newest = {name: lift.newest(name) for name in sorted({name for name, _ in declared.types})}
            for name, version in declared.types:
                lift.steps(name, version)
        except EventRefused as error:
            yield "events", str(error)
            return
        by_type: dict[str, dict[str, str]] = {}
        for kind in self.entity.types:
            using = [(f"column '{name}'", folded) for name, folded in self.entity.columns.items() if kind in folded.on]
            if kind not in newest:
                choose = f"choose {one_of(newest)}" if newest else "the domain's events.py declares none"
                yield using[0][0], f"there is no event type '{kind}'; {choose}.{nearest(kind, newest)}"
                continue
            self.con.execute(f"CREATE TABLE {_events(kind)} AS {empty(newest[kind])}")
            place = _Place(_events(kind), kind, "field", [field.column for field in newest[kind].fields.values()])
            pieces = [(f"key '{name}'", sql, False) for name, sql in self.entity.key.items()]
            pieces += [(where, folded.on[kind], folded.way == "sum") for where, folded in using]
            for where, sql, is_sum in pieces:
                yield from self._bound(where, sql, place, is_sum=is_sum)
                by_type.setdefault(where, {})[kind] = self.kinds.get(where, _NOTHING)
        for where, kinds in by_type.items():
            if not _together(kinds.values()):
                shown = " and ".join(f"{found} in {name}" for name, found in kinds.items() if found != _NOTHING)
                yield where, f"is {shown}; cast them to one type."

    def of_things(self) -> Iterator[Complaint]:
        """What does not go together; afterwards there is an empty table of things."""
        import duckdb

        relations = {name: _events(name) for name in self.entity.types}
        try:
            self.con.execute(f"CREATE TABLE kept AS {fold(self.entity, f'({contributions(self.entity, relations)})')}")
            self.con.execute(f"CREATE TABLE things AS {things(self.entity, 'kept')}")
        except duckdb.Error as error:
            yield "entity", f"cannot be folded: {_said(error)}"

    def of_rows(self, columns: Sequence[str], partitioned_by: str | None) -> Iterator[Complaint]:
        """What is wrong with the SQL over things, and what the contract wants besides."""
        known = [*self.entity.key, *self.entity.columns]
        thing = _Place("things", "a thing", "column", known)
        complaints = [*self._day(thing, partitioned_by), *self._elements(thing)]
        if complaints:
            yield from complaints
            return
        element = self._element(thing)
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
        if self.projection.within and partitioned_by is not None:
            yield "within", f"the product is partitioned by {partitioned_by}, and publishes each day by itself; leave one of them out."
            return
        where, day = "within" if self.projection.within else "partitioned_by", self.projection.day_of(partitioned_by)
        if day is None:
            if partitioned_by is not None:
                yield where, f"'{partitioned_by}' is an aggregate; a row's day must be SQL over one thing."
            return
        if self.projection.unnested and re.match(rf"\W*{self.projection.unnested[1]}\b", day):
            yield where, f"{day} is of an element of each; a row's day must be SQL over the whole thing."
            return
        said = self.projection.within.day if self.projection.within else day
        yield from self._bound(where, said, thing)
        if self.kinds.get(where, "DATE") not in _DAYS:
            yield where, f"{said} is {self.kinds[where]}, and no day; give a DATE or a TIMESTAMPTZ."

    def _elements(self, thing: _Place) -> Iterator[Complaint]:
        """What is wrong with `each` and `where`; afterwards there is an empty table of elements."""
        if self.projection.unnested:
            listed, name = self.projection.unnested
            complaints = [*self._bound("each", listed, thing)]
            if not complaints and not self.kinds["each"].endswith("]"):
                complaints = [("each", f"{listed} is {self.kinds['each']}, and no list.")]
            elif name.lower() in map(str.lower, thing.known):
                complaints.append(("each", f"'{name}' is a column of the thing; call an element otherwise."))
            if complaints:
                yield from complaints
                return
        self.con.execute(f"CREATE TABLE elements AS {elements_sql(replace(self.projection, by=None, where=None), 'things')}")
        if self.projection.where:
            yield from self._bound("where", self.projection.where, self._element(thing))
            kind = self.kinds.get("where", "BOOLEAN")
            if kind not in ("BOOLEAN", _NOTHING):
                yield "where", f"{self.projection.where} is {kind}, and no condition; compare it with something."

    def _element(self, thing: _Place) -> _Place:
        found = self.projection.unnested
        return replace(thing, table="elements", known=[*thing.known, *([found[1]] if found else [])])

    def _bound(self, where: str, sql: str, place: _Place, *, is_sum: bool = False) -> Iterator[Complaint]:
        """What is wrong with one piece of SQL over a table; afterwards its type is among the kinds, if it has one."""
        import duckdb

        self.kinds.pop(where, None)
        try:
            kind = str(self.con.execute(f"DESCRIBE SELECT ({sql}) FROM {place.table}").fetchall()[0][1])
        except duckdb.Error as error:
            yield where, _about(error, sql, place)
            return
        self.kinds[where] = kind
        if message := self.plain.complaint(sql):
            yield where, message
        if is_sum and kind in _INEXACT:
            yield where, f"the sum of {kind} depends on the order; cast it, for example ({sql})::DECIMAL(18,2)."
        elif is_sum and not (_is_exact(kind) or kind == _NOTHING):
            yield where, f"{sql} is {kind}, and cannot be summed; cast it, for example ({sql})::DECIMAL(18,2)."


def _together(kinds: Iterable[str]) -> bool:
    """Whether values of these types are one column's without becoming texts or days with a time."""
    known = {kind for kind in kinds if kind != _NOTHING}
    return len(known) <= 1 or all(_is_exact(kind) or kind in _INEXACT for kind in known)


def _is_exact(kind: str) -> bool:
    return kind in _INTEGERS or (kind.startswith("DECIMAL(") and not kind.endswith("]"))


def _about(error: Exception, sql: str, place: _Place) -> str:
    unknown = _UNKNOWN.search(str(error))
    if unknown:
        name = next(found for found in unknown.groups() if found)
        return f"{place.named} has no {place.of} '{name}'; choose {one_of(place.known)}.{nearest(name, place.known)}"
    key = _NO_KEY.search(str(error))
    if key:
        candidates = re.findall(r'"([^"]+)"', str(error)[key.end() :])
        return f"{sql} asks for a field '{key['name']}' that is not there.{nearest(key['name'], candidates)}"
    return f"{sql} is no SQL over {place.named}: {_said(error)}"


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _events(name: str) -> str:
    return f'"{name} events"'
