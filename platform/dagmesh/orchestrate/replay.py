"""Replay: a product's events folded again from the first one, to publish what comes of it, to compare it, or to see what was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagmesh.audit.conform import conform_sql
from dagmesh.consume.row_changes import RowChanges, row_changes
from dagmesh.errors import AddressError
from dagmesh.events.projections.bitemporal import rows_at
from dagmesh.events.projections.of_product import definition_of, projection_folder
from dagmesh.events.projections.state_files import fold_again, fresh
from dagmesh.events.typed import quoted
from dagmesh.lake.lake import Lake
from dagmesh.lake.owner_only import private_home
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.again import make_again
from dagmesh.orchestrate.build import product_key
from dagmesh.orchestrate.builder import Progress
from dagmesh.orchestrate.domain_events import event_store
from dagmesh.orchestrate.loading import dagster_domain
from dagmesh.orchestrate.ran import Ran

SHOWN_ROWS = 1000


def replay_product(mesh: Mesh, address: Address, progress: Progress) -> Iterator[Ran]:
    """Fold a product's events from the first one into a new state, put it in the old one's place, and publish the product.

    A function over events keeps nothing, and is only run again.

    Raises:
        AddressError: it is not made of events. NotPublished: a daily product has no snapshot.
        MeshError: the new state cannot be written; the old one stays.
    """
    product, home = _of_events(mesh, address), private_home(mesh.home, address.domain)
    if product.projection:
        with closing(Lake.of(mesh).connect()) as con, event_store(home, product.domain, register=True) as store:
            fold_again(con, definition_of(product), projection_folder(home, product), store)
    yield from make_again(mesh, product, progress)


@dataclass(frozen=True)
class Compared:
    """What a replay would change of a snapshot: both with the position that they are folded up to (None: not recorded)."""

    snapshot: Snapshot
    published: int | None
    position: int
    changes: RowChanges

    def describe(self) -> dict[str, Any]:
        """The comparison as JSON values and cells' values."""
        said = {"snapshot": str(self.snapshot.address), "published_position": self.published, "position": self.position}
        return said | self.changes.describe()


def compare(mesh: Mesh, address: Address) -> Compared:
    """What a replay would change of the newest snapshot, of a daily product of its days; nothing is kept.

    Raises:
        AddressError: it is no projection. NotPublished, UntrustedSnapshot: see `Table.snapshot`.
        SchemaMismatch: the rows have not the contract's columns.
    """
    product, lake = _projected(mesh, address), Lake.of(mesh)
    snapshot = lake.table(product.address).snapshot()
    home, definition = private_home(mesh.home, product.domain), definition_of(product)
    columns = [column.name for column in product.contract.columns]
    with (
        closing(lake.connect()) as con,
        event_store(home, product.domain) as store,
        fresh(con, definition, home) as state,
    ):
        reached = state.fold_to(store, store.head())
        rows = conform_sql(con, state.rows(columns, reached, snapshot.days or None), product.contract)
        changes = row_changes(con, snapshot.sql(), rows, product.contract.key())
    return Compared(snapshot, _position(snapshot), reached.position, changes)


def rows_then(
    mesh: Mesh, address: Address, known_at: int | datetime | None, valid_at: datetime | None
) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """Columns and rows, by key, of a product as they were believed, and of what had happened; the first thousand.

    Args:
        mesh: the mesh.
        address: the product's.
        known_at: a position of the store, or a moment, which means the snapshot that was the newest then; the head by default.
        valid_at: the moment that no event may have happened after; any by default.

    Raises:
        AddressError: it is no projection. NotPublished: there was no snapshot at that moment.
    """
    product, lake = _projected(mesh, address), Lake.of(mesh)
    position = _position(lake.table(product.address).as_of(known_at)) if isinstance(known_at, datetime) else known_at
    columns = [column.name for column in product.contract.columns]
    order = ", ".join(map(quoted, product.contract.key() or columns))
    home = private_home(mesh.home, product.domain)
    with closing(lake.connect()) as con, event_store(home, product.domain) as store:
        rows = rows_at(con, store, definition_of(product), columns, position, valid_at)
        return columns, con.execute(f"FROM {rows} ORDER BY {order} LIMIT {SHOWN_ROWS}").fetchall()


def _projected(mesh: Mesh, address: Address) -> Product:
    """The projection that an address means, without a major its newest."""
    product = _of_events(mesh, address)
    if product.projection is None:
        raise AddressError(
            f"{product.address} is a function over events and keeps nothing to compare; run it: dagmesh replay {product.address}"
        )
    return product


def _of_events(mesh: Mesh, address: Address) -> Product:
    """The product of events that an address means, without a major its newest."""
    domain = dagster_domain(mesh.location(address.domain))
    key = product_key(domain, address)
    product = next(found for found in domain.products if tuple(found.address.key) == key)
    if all(port.form != "events" for port in product.inputs):
        raise AddressError(f"{product.address} is not made of events, so there is nothing to replay. Run it: dagmesh run {product.address}")
    return product


def _position(snapshot: Snapshot) -> int | None:
    """The position that a snapshot says its events were folded up to."""
    return next((said["position"] for said in snapshot.publication.inputs.values() if "position" in said), None)
