"""Traces across products: a published value down to its events, or up through the snapshots that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagmesh.consume.published_row import SHOWN, PublishedRow, count_with, in_words, published_row, rows_with
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.consume.trace_events import EventsOf, fed_by
from dagmesh.errors import AccessRefused, DagmeshError, MeshError
from dagmesh.lake.history import added_by
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address
from dagmesh.model.lineage import VALUE
from dagmesh.model.mesh import Mesh

if TYPE_CHECKING:
    import duckdb

    from dagmesh.events.projections.trace import Trace


@dataclass(frozen=True)
class Traced:
    """A value and where it comes from.

    Args:
        address: the product's, with its snapshot.
        key: what names the row.
        column: the column.
        unit: its unit, empty where it has none.
        value: the value; of a row that is not there None.
        trace: of a projection, the events it is made of, step by step.
        inputs: of any other product, what it was made of.
        stops: why the trace goes no further; empty where it does.
        valid_at: only what had happened then; None: what is published.
    """

    address: Address
    key: Mapping[str, Any]
    column: str
    unit: str
    value: Any
    trace: Trace | None = None
    inputs: tuple[Input, ...] = ()
    stops: str = ""
    valid_at: datetime | None = None


@dataclass(frozen=True)
class Input:
    """One input of a value.

    Args:
        source: an address with its snapshot, or what a private table or feed is called.
        on: the values that its rows have in common with the row they are traced from.
        rows: how many rows have them.
        keys: the keys of the first of these rows.
        values: those rows' values that the traced one is made of.
        stops: why the trace goes no further here; empty where it does.
    """

    source: str
    on: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 0
    keys: tuple[Mapping[str, Any], ...] = ()
    values: tuple[Traced, ...] = ()
    stops: str = ""


class Tracer:
    """Traces values in one reader's name; its DuckDB connection is its caller's."""

    def __init__(self, mesh: Mesh, resolver: Resolver, con: duckdb.DuckDBPyConnection) -> None:
        self._resolver, self._con = resolver, con
        self._events = EventsOf(mesh, resolver.reader, con)

    def value(self, address: Address, key: Mapping[str, str], column: str) -> Traced:
        """A published value and where it comes from.

        Args:
            address: the product, and the snapshot if it is not the newest.
            key: texts by column, of one row.
            column: the column.

        Raises:
            AddressError, NotPublished, AccessRefused, UntrustedSnapshot: see `published_row`.
            AccessRefused, MeshError: the product is made of events that only its domain's owner reads, where they are.
            MeshError: the events do not come to the published value, and the definition changed.
            UntrustedSnapshot: they do not, and the definition is the same.
            ChainBroken: an event was changed since it was appended.
        """
        with self._events:
            return self._traced(published_row(self._con, self._resolver, address, key, column), column)

    def valid(self, address: Address, key: Mapping[str, str], column: str, moment: datetime) -> Traced:
        """What a value would be had nothing happened since a moment; raises what `value` raises.

        Args:
            address: a projection, and the snapshot if it is to be what was known with that one.
            key: texts by column: all that names a row.
            column: the column.
            moment: with a time zone.
        """
        look = self._resolver.look(address)
        with self._events:
            found = self._events.valid(look, key, column, moment, as_published=address.snapshot is not None)
        return Traced(look.address, key, column, unit_of(look, column), found.value, found, valid_at=moment)

    def _traced(self, row: PublishedRow, column: str, *, nested: bool = False) -> Traced:
        about = added_by(row.reading.snapshot, row.day)
        said = Traced(row.reading.address, row.key, column, unit_of(row.reading, column), row.values[column])
        fed = fed_by(about)
        if fed is None:
            return replace(said, inputs=self._inputs(row, column, about), stops=_no_lineage(about))
        try:
            return replace(said, trace=self._events.published(row, column, fed))
        except (AccessRefused, MeshError) as refused:
            if not nested:
                raise
            return replace(said, stops=str(refused))

    def _inputs(self, row: PublishedRow, column: str, about: Publication) -> tuple[Input, ...]:
        """Each input that the column is made of, or depends on."""
        parts = about.lineage.get(column, ())
        made_of = {source for source, _, _ in parts}
        found = []
        for port in about.inputs.values():
            source = str(port.get("address") or port.get("table") or port.get("feed"))
            if about.lineage and (source in made_of or not parts):
                found.append(self._input(row, about, port, source, [name for of, name, _ in parts if of == source]))
        return tuple(found)

    def _input(self, row: PublishedRow, about: Publication, port: Mapping[str, Any], source: str, columns: list[str]) -> Input:
        domain = row.reading.address.domain
        if "address" not in port:
            position = f" up to event {port['position']}" if "position" in port else ""
            return Input(
                source, stops=f"a private table of {domain}" if "table" in port else f"its code read the events themselves{position}"
            )
        address = Address.parse(source).at_snapshot(port["snapshot"])
        try:
            reading = self._resolver.resolve(address)
        except DagmeshError as refused:
            return Input(str(address), stops=str(refused))
        shared = _shared(row, about, reading, source)
        if not shared:
            return Input(str(address), stops=f"no key in common: none of {', '.join(row.key)} is handed on unchanged from it")
        return self._matching(row, about, reading, {name: row.texts[name] for name in shared}, columns)

    def _matching(self, row: PublishedRow, about: Publication, reading: Reading, on: Mapping[str, str | None], columns: list[str]) -> Input:
        found = rows_with(self._con, reading, on)
        count = len(found) if len(found) <= SHOWN else count_with(self._con, reading, on)
        keys = tuple(other.key for other in found[:SHOWN])
        on = {name: row.values[name] for name in on}
        if count > SHOWN:
            return Input(str(reading.address), on, count, keys, stops=f"too many rows to go on from: {count}, of which {SHOWN} are shown")
        seen = [name for name in columns if name not in reading.hidden]
        values = tuple(self._traced(other, name, nested=True) for other in found for name in seen)
        hidden = ", ".join(name for name in columns if name in reading.hidden)
        stops = f"{self._resolver.reader} does not see {hidden}" if hidden else "" if found else f"no row of it has {in_words(on)}"
        return Input(str(reading.address), on, count, keys, values, stops)


def unit_of(look: Any, column: str) -> str:
    """The column's unit, empty where it has none."""
    return next(str(found.get("unit") or "") for found in look.product["contract"]["columns"] if found["name"] == column)


def _no_lineage(about: Publication) -> str:
    if about.lineage or not about.inputs:
        return ""
    inputs = ", ".join(str(port.get("address") or port.get("table") or port.get("feed")) for port in about.inputs.values())
    return f"no lineage is recorded of its columns, as of all that compute in Python; it read {inputs}"


def _shared(row: PublishedRow, about: Publication, reading: Reading, source: str) -> list[str]:
    """The key columns that are the input's column of the same name and type, handed on.

    Lineage does not tell a column that is handed on from one that is computed of it: name and type must be the same too.
    """
    own = {column["name"]: column["type"] for column in row.reading.product["contract"]["columns"]}
    theirs = {column["name"]: column["type"] for column in reading.product["contract"]["columns"] if column["name"] not in reading.hidden}
    handed_on = [name for name in row.key if [list(part) for part in about.lineage.get(name, ())] == [[source, name, VALUE]]]
    return [name for name in handed_on if theirs.get(name) == own[name] and name not in row.reading.hidden]
