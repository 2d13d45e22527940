"""A domain's event store, opened, and what a function may read of it; who only plans imports no Dagster for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.events.declared import Declared, declared
from dagmesh.events.relation import relation
from dagmesh.events.store import EventStore
from dagmesh.model.projection import Events

if TYPE_CHECKING:
    import duckdb


@contextmanager
def event_store(home: Path, domain: str, *, register: bool = False) -> Iterator[EventStore]:
    """The domain's store, in its private home.

    `register`: it comes to know the types that the domain's events.py declares, for ever; only a run may ask for that, not
    who looks at code that somebody is writing.
    """
    store = EventStore(home / "events", domain)
    try:
        if register:
            store.register(declared(domain).types.values())
        yield store
    finally:
        store.close()


@dataclass(frozen=True)
class FeedWindow:
    """The events of a feed's domain that a run may see: those that happened on some days (None: all), up to a position."""

    store: EventStore
    declared: Declared
    feed: str
    days: Sequence[date] | None
    until: int

    def events(self, con: duckdb.DuckDBPyConnection) -> Events:
        """What a parameter annotated `dm.Events` receives."""
        return Events(self.feed, lambda name: con.sql(f"FROM {self._sql(con, name)}"))

    def _sql(self, con: duckdb.DuckDBPyConnection, type: str) -> str:
        rows = relation(con, self.store, type, until=self.until, upcasts=self.declared.upcasts)
        if self.days is None:
            return rows
        first = datetime.combine(min(self.days), time(), UTC)
        end = datetime.combine(max(self.days) + timedelta(days=1), time(), UTC)
        return f"(FROM {rows} WHERE time >= TIMESTAMPTZ '{first.isoformat()}' AND time < TIMESTAMPTZ '{end.isoformat()}')"
