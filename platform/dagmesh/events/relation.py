"""Events as a table: one type's, every field a typed column, from the segments and the store's tail, all in the newest version."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dagmesh.errors import ChainBroken
from dagmesh.events.chain import MANY
from dagmesh.events.event_type import EventType
from dagmesh.events.lifting import all_lifted, row
from dagmesh.events.segment import RESTORE, Segment, segments
from dagmesh.events.segments import add
from dagmesh.events.store import EventStore
from dagmesh.events.typed import COLUMNS, Field, from_json, literal, quoted, typed_sql
from dagmesh.events.upcast import Upcast, Upcasts, empty

if TYPE_CHECKING:
    import duckdb


def relation(
    con: duckdb.DuckDBPyConnection, store: EventStore, type: str, after: int = 0, until: int | None = None, upcasts: Iterable[Upcast] = ()
) -> str:
    """FROM-able SQL of one type's events as rows, in no order.

    The columns are position, id, source, type, version (as stored), subject, time TIMESTAMPTZ, predecessor, hash, and each
    field of the type's newest version; a field named like one of the others ends in an underscore. Personal values are
    opened as they are read, and NULL once their subject was forgotten.

    The tail is copied into `con` and stays there with it; the store must be open as long as the SQL is used. To read
    several types of one moment, say the same `until` for all.

    Args:
        con: a connection in UTC.
        store: the store.
        type: the event type.
        after: only positions after this one.
        until: only positions up to this one; the head by default.
        upcasts: the domain's.

    Raises:
        EventRefused: the type is unknown, or an upcast missing or wrong.
        ChainBroken: a segment is missing.
    """
    lift = Upcasts(store.types(), upcasts)
    rows = _Rows(con, store, type, lift, after, store.head().position if until is None else until)
    parts = [*rows.sealed(), *rows.tail(), *rows.of_functions()]
    return f"({' UNION ALL BY NAME '.join(parts) if parts else empty(lift.newest(type))})"


class _Rows:
    """The parts of one relation."""

    def __init__(self, con: duckdb.DuckDBPyConnection, store: EventStore, type: str, lift: Upcasts, after: int, until: int) -> None:
        self.con, self.store, self.type, self.lift, self.after, self.until = con, store, type, lift, after, until
        self.types = store.types()
        self.segments = segments(store.segments_folder)
        versions = range(1, lift.newest(type).version + 1)
        self.in_python = {version for version in versions if any(step.function for step in lift.steps(type, version))}
        self.in_sql = [version for version in versions if version not in self.in_python]

    def sealed(self) -> Iterator[str]:
        """The segments' rows, by version."""
        wanted = [segment for segment in self.segments if segment.last > self.after and segment.first <= self.until]
        cut = [segment for segment in wanted if segment.first <= self.after or segment.last > self.until]
        within = f"position > {int(self.after)} AND position <= {int(self.until)}"
        for version in self.in_sql:
            # A whole segment's positions need not be read.
            for of, condition in (([segment for segment in wanted if segment not in cut], "true"), (cut, within)):
                paths = ", ".join(literal(path) for segment in of for path in _files(segment, self.type, version))
                if paths:
                    yield self._lifted(f"(FROM read_parquet([{paths}]) WHERE {condition})", version)

    def tail(self) -> Iterator[str]:
        """The rows that are not sealed yet, by version."""
        start = max(self.after, self.segments[-1].last if self.segments else 0)
        raw: dict[int, str] = {}
        for rows in self.store.rows_of(self.type, start, self.until):
            for version in self.in_sql:
                of_version = [found for found in rows if found[4] == version]
                if of_version:
                    add(self.con, raw.setdefault(version, _unique("tail")), of_version)
        for version, table in raw.items():
            yield self._lifted(self._typed(table, self.types[self.type, version], sealed=True), version)

    def of_functions(self) -> Iterator[str]:
        """The rows of versions that only Python can lift."""
        if not self.in_python:
            return
        all_found = self.store.read(types=[self.type], after=self.after, until=self.until)
        found = (event for event in all_found if event.version in self.in_python)
        raw, newest = _unique("lifted"), self.lift.newest(self.type)
        while events := list(islice(found, MANY)):
            pairs = zip(events, all_lifted(events, self.types, self.lift), strict=True)
            add(self.con, raw, [row(replace(lifted, version=event.version)) for event, lifted in pairs])
        if self.con.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = {literal(raw)}").fetchall():
            yield self._selected(self._typed(raw, newest, sealed=False), newest.fields.values())

    def _typed(self, raw: str, kind: EventType, *, sealed: bool) -> str:
        table = _unique("events")
        self.con.execute(f"CREATE TABLE {table} AS {typed_sql(raw, kind.fields.values(), sealed=sealed)}")
        self.con.execute(f"DROP TABLE {raw}")
        return table

    def _lifted(self, rows: str, version: int) -> str:
        """SELECT of typed rows as they are stored, opened and in the newest version."""
        sql = self._selected(rows, self.types[self.type, version].fields.values(), opened=True)
        for step in self.lift.steps(self.type, version):
            sql = self.lift.lifted_sql(f"({sql})", step)
        return sql

    def _selected(self, rows: str, fields: Iterable[Field], *, opened: bool = False) -> str:
        columns = [self._opened(field) if opened and field.personal else quoted(field.column) for field in fields]
        return f"SELECT {', '.join([*COLUMNS, *columns])} FROM {rows}"

    def _opened(self, field: Field) -> str:
        """SQL of a personal field's value. Opened row by row, and only where a query uses it."""
        from duckdb.func import FunctionNullHandling

        name, column = _unique("opened"), quoted(field.column)
        # Not `self`: it has the connection, which would have the function, which would have it for ever.
        open_value = self.store.opened

        def opened(subject: str, value: str | None) -> str | None:
            found = None if value is None else open_value(subject, field.name, value)
            return None if found is None else json.dumps(found)

        self.con.create_function(name, opened, ["VARCHAR", "VARCHAR"], "VARCHAR", null_handling=FunctionNullHandling.SPECIAL)
        return f"{from_json(f'{name}(subject, {column})', field.shape)} AS {column}"


def _files(segment: Segment, type: str, version: int) -> Iterator[str]:
    for file in segment.files:
        if (file.type, file.version) == (type, version):
            path = segment.folder / file.name
            if not path.exists():
                raise ChainBroken(f"{path}: the file of a sealed segment is missing. {RESTORE}", position=segment.first)
            yield str(path)


def _unique(name: str) -> str:
    return f"{name}_{uuid.uuid4().hex}"
