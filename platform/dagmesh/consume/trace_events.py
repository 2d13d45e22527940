"""The events that a projection's published value is made of, for the owner of its domain on the machine where they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from dagmesh.consume.own_events import opened_store
from dagmesh.consume.published_row import PublishedRow, check_column, in_words
from dagmesh.consume.resolver import Look
from dagmesh.errors import AccessRefused, AddressError, ChainBroken, MeshError, NotPublished, UntrustedSnapshot
from dagmesh.events.projections.bitemporal import Known
from dagmesh.events.projections.folding import newest_day
from dagmesh.events.projections.of_product import definition_of, projection_folder
from dagmesh.events.projections.state import FILE, Definition, State
from dagmesh.events.projections.state_files import opened
from dagmesh.events.projections.trace import Trace, trace
from dagmesh.events.projections.trace_sql import Asked
from dagmesh.events.store import EventStore
from dagmesh.lake.owner_only import private_home
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class _Open:
    """A projection whose events and state are open."""

    product: Product
    definition: Definition
    store: EventStore
    state: State | None


class EventsOf:
    """Projections' events; a context in which what was opened stays open, since a trace has many values of one product."""

    def __init__(self, mesh: Mesh, reader: str, con: duckdb.DuckDBPyConnection) -> None:
        self._mesh, self._reader, self._con = mesh, reader, con
        self._stack = ExitStack()
        self._open: dict[Address, _Open] = {}
        self._relations: dict[tuple[Address, int], dict[str, str]] = {}

    def __enter__(self) -> EventsOf:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()
        self._open.clear()
        self._relations.clear()

    def published(self, row: PublishedRow, column: str, fed: Mapping[str, Any]) -> Trace:
        """The trace of a published value, whose last step is that value.

        Args:
            row: the published row.
            column: the column.
            fed: what its publication says of the events.

        Raises:
            AccessRefused, MeshError: the events are not the reader's, or not here.
            ChainBroken: the store is another one than the value was made of, or an event was changed.
            MeshError, UntrustedSnapshot: the events come to another value.
        """
        found = self._opened(row.reading)
        hashed = found.store.hash_at(fed["position"])
        if fed["position"] and (hashed is None or hashed.hex() != fed["hash"]):
            where = f"{found.store.path}: event {fed['position']} is not the one that {row.reading.address} was made of"
            raise ChainBroken(
                f"{where}. See what was changed: dagmesh events verify {row.reading.address.domain}", position=fed["position"]
            )
        types = dict(row.reading.snapshot.publication.columns)
        key = {name: row.texts[name] for name in _names(found.product)}
        newest = date.fromisoformat(fed["newest"]) if fed["newest"] else None
        made = self._trace(found, Asked(column, key, types, Known(fed["position"]), newest))
        if not made.there or made.value != row.values[column]:
            raise _other_value(row, column, made, fed, found.definition)
        return made

    def valid(self, look: Look, key: Mapping[str, str], column: str, moment: datetime, *, as_published: bool) -> Trace:
        """The trace of what a value would be had nothing happened since a moment.

        Args:
            look: the product.
            key: texts by column: all that names a row.
            column: the column.
            moment: with a time zone.
            as_published: look only at the events that its publication knew; else at all there are.

        Raises:
            AddressError: it is no projection, or the key is not that of a row. NotPublished: no such row was ever there up to then.
            AccessRefused, MeshError, ChainBroken: see `published`.
        """
        for name in (*key, column):
            check_column(self._reader, look, name)
        fed = fed_by(look.snapshot.publication)
        if fed is None:
            told = f"{look.address} is made of no events directly, so that nothing says what it was at a moment"
            raise AddressError(f"{told}; leave out --valid-at to see what it was made of.")
        found = self._opened(look)
        names = _names(found.product)
        if sorted(names) != sorted(key):
            raise AddressError(f"{look.address}: what was true at a moment is asked for by all that names a row: {', '.join(names)}.")
        known = Known(fed["position"] if as_published else found.store.head().position, moment)
        newest = newest_day(self._con, known.relations(self._con, found.store, found.definition))
        made = self._trace(found, Asked(column, key, dict(look.snapshot.publication.columns), known, newest))
        if not made.steps:
            told = f"of what had happened at {moment.isoformat()} nothing makes a row with {in_words(key)}"
            raise NotPublished(f"{look.address}: {told}.", address=str(look.address))
        return made

    def _trace(self, found: _Open, asked: Asked) -> Trace:
        place = (found.product.address, asked.known.position)
        if place not in self._relations:
            self._relations[place] = found.definition.relations(self._con, found.store, 0, asked.known.position)
        return trace(self._con, found.store, found.definition, asked, found.state, self._relations[place])

    def _opened(self, look: Look) -> _Open:
        address = Address(look.address.domain, look.address.product, look.address.major)
        if address not in self._open:
            if self._reader != address.domain:
                private = f"the events of {address.domain} are private to it, and {self._reader} may not trace them"
                raise AccessRefused(f"{private}; as their owner: --as {address.domain}", reader=self._reader, address=str(address))
            self._open[address] = self._of(address)
        return self._open[address]

    def _of(self, address: Address) -> _Open:
        products = self._mesh.location(address.domain).load().products
        product = next((product for product in products if product.address == address), None)
        if product is None or product.projection is None:
            what = "is not declared any more" if product is None else "is no projection any more"
            raise MeshError(f"{address} {what}, so that nothing says how it was made of events. Trace it with the code of then.")
        store = self._stack.enter_context(opened_store(self._mesh, address.domain))
        definition = definition_of(product)
        folder = projection_folder(private_home(self._mesh.home, address.domain), product)
        alias = f"projected_{len(self._open)}"
        state = self._stack.enter_context(opened(self._con, definition, folder, alias)) if (folder / FILE).exists() else None
        return _Open(product, definition, store, state)


def fed_by(about: Publication) -> Mapping[str, Any] | None:
    """What a projection's publication says of the events that it was folded from; None for any other product."""
    return next((port for port in about.inputs.values() if "feed" in port and "definition" in port), None)


def _names(product: Product) -> list[str]:
    """The columns that name a row, none of which is an aggregate."""
    assert product.projection is not None
    if product.projection.by is not None:
        return list(product.projection.by)
    columns = product.contract.columns
    return [column.name for column in columns if column.key] or [column.name for column in columns]


def _other_value(
    row: PublishedRow, column: str, made: Trace, fed: Mapping[str, Any], definition: Definition
) -> MeshError | UntrustedSnapshot:
    address = row.reading.address
    come = f"come to {made.value}" if made.there else "make no such row"
    told = f"{address}: {column} of {in_words(row.key)} is published as {row.values[column]}, and the events up to {fed['position']} {come}"
    now = definition.digest()
    if now != fed["definition"]:
        why = f"the definition changed since it was published (then {fed['definition']}, now {now})"
        day = f" --day {row.day}" if row.day else ""
        return MeshError(f"{told}; {why}. Publish it again: dagmesh run {address.name}{day}")
    why = "the definition is the same, so its events were changed, or a subject was forgotten since"
    mend = f"See which: dagmesh events verify {address.domain}"
    return UntrustedSnapshot(f"{told}; {why}. {mend}", address=str(address), version=row.reading.snapshot.version, last_good=None)
