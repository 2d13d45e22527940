"""The events of a product's domain as its runs, and those who plan them, see them: folded up to a position, or to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagmesh.events.declared import declared
from dagmesh.events.event import Head
from dagmesh.events.projections.of_product import definition_of, projection_folder
from dagmesh.events.projections.state import Checkpoint, State, advance
from dagmesh.events.projections.state_files import opened, remove_unused
from dagmesh.events.store import EventStore
from dagmesh.model.domain import Product
from dagmesh.orchestrate.domain_events import FeedWindow, event_store

if TYPE_CHECKING:
    from dagmesh.orchestrate.inputs import Ports


@dataclass(frozen=True)
class Folding:
    """What is known of the events.

    Args:
        product: what is made of them.
        head: up to where they are read, or folded.
        store: the store; None for who only plans.
        state: of a projection in a run, its things.
        checkpoint: of a projection, how far it is folded; None: not at all, or not up to the newest event.
    """

    product: Product
    head: Head = Head()  # noqa: RUF009 - frozen
    store: EventStore | None = None
    state: State | None = None
    checkpoint: Checkpoint | None = None

    @classmethod
    def planned(cls, home: Path, product: Product) -> Folding:
        """What is known without folding anything; `home` is the domain's private one."""
        if product.projection is None:
            return cls(product)
        known = Checkpoint.read(projection_folder(home, product))
        with event_store(home, product.domain) as store:
            newest = store.newest_of(product.projection.entity.types)
        return cls(product, Head(newest), checkpoint=known if known and known.position >= newest else None)

    @property
    def record(self) -> dict[str, Any]:
        """What the publication says of the events: the position of the newest, its hash, and its day of a projection."""
        said: dict[str, Any] = {"position": self.head.position, "hash": self.head.hash.hex()}
        if self.state and self.checkpoint:
            newest = self.checkpoint.newest
            said |= {"newest": newest.isoformat() if newest else None, "definition": self.state.folder.name}
        return said

    def version(self, days: Collection[date]) -> str:
        """Digits that change when a projection's rows of these days, or with none all its rows, may."""
        assert self.product.projection is not None
        return self.checkpoint.version(self.product.projection, days) if self.checkpoint else f"behind {self.head.position}"

    def window(self, feed: str, days: Collection[date] | None) -> FeedWindow:
        """The events that a function may see."""
        assert self.store is not None
        return FeedWindow(self.store, declared(self.product.domain), feed, None if days is None else sorted(days), self.head.position)

    def rows(self, days: Collection[date]) -> str:
        """FROM-able SQL of a projection's rows of these days, or with none all, in order: folded again they give the same bytes."""
        assert self.state is not None
        assert self.checkpoint is not None
        columns = [column.name for column in self.product.contract.columns]
        return self.state.rows(columns, self.checkpoint, days or None)

    def forget_others(self) -> None:
        """Remove what was folded by other definitions of the projection: this one's is published."""
        if self.state:
            folder = self.state.folder
            remove_unused(folder.parents[2], [folder], folder.parent.name)


@contextmanager
def in_order(con: duckdb.DuckDBPyConnection, product: Product) -> Iterator[None]:
    """Within it a projection's rows are written in their order: replayed, they are the same bytes.

    DuckDB 2.0.0 lets several threads fill a day's file in any order, whatever the rows are ordered by.
    """
    if product.projection is None:
        yield
        return
    [(threads,)] = con.execute("SELECT current_setting('threads')").fetchall()
    con.execute("SET threads = 1")
    try:
        yield
    finally:
        con.execute(f"SET threads = {threads}")


@contextmanager
def folded(ports: Ports, con: duckdb.DuckDBPyConnection, product: Product) -> Iterator[Ports]:
    """The ports with the events that the product's run needs: open, and of a projection folded up to the head."""
    if not any(read.form == "events" for read in product.inputs):
        yield ports
        return
    with folding_in(ports.private.folder.parent, con, product) as folding:
        yield ports.with_folding(folding)


@contextmanager
def folding_in(home: Path, con: duckdb.DuckDBPyConnection, product: Product) -> Iterator[Folding]:
    """The events of the product's domain, whose private home it is: open, and of a projection folded up to the head."""
    with event_store(home, product.domain, register=True) as store:
        head = store.head()
        if product.projection is None:
            yield Folding(product, head, store)
            return
        with opened(con, definition_of(product), projection_folder(home, product)) as state:
            checkpoint = advance(state, store)
            reached = Head(checkpoint.position, bytes.fromhex(checkpoint.hash))
            yield Folding(product, reached, store, state, checkpoint)
