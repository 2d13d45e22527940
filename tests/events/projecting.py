"""What the tests of projections share: a shop's events, and a projection of each shape over them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st
from tests.events.sealing import kind

import dagmesh as dm
from dagmesh.events.event import NewEvent
from dagmesh.events.projections.state import Definition
from dagmesh.events.store import EventStore
from dagmesh.model.projection import Entity

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
EUR = {"type": "string", "format": "decimal"}
TEXT = {"type": "string"}
LINE = {"type": "object", "properties": {"category": TEXT, "quantity": {"type": "integer"}, "price": EUR}}
TYPES = [
    kind("Placed", 1, ["order_id"], order_id=TEXT, customer_id=TEXT, lines={"type": "array", "items": LINE}),
    kind("Moved", 1, ["order_id"], order_id=TEXT, customer_id=TEXT),
    kind("Cancelled", 1, ["order_id"], order_id=TEXT),
]


def opened(folder: Path) -> EventStore:
    store = EventStore(folder, "shop/orders")
    store.register(TYPES)
    return store


def event(number: int, type: str, order: str, hours: float = 0, **data: Any) -> NewEvent:
    return NewEvent(f"e{number}", type, f"orders/{order}", START + timedelta(hours=hours), {"order_id": order, **data})


def line(category: str, quantity: int, price: str) -> dict[str, Any]:
    return {"category": category, "quantity": quantity, "price": price}


def defined(projection: dm.Projection, partitioned_by: str | None = None) -> Definition:
    return Definition(projection, partitioned_by, {(found.name, found.version): found for found in TYPES})


def order(**columns: Any) -> Entity:
    """An order with what most projections need of it."""
    common = {"customer_id": dm.last(Placed="customer_id", Moved="customer_id"), "placed_at": dm.first(Placed="time")}
    return dm.entity("order_id", **common, lines=dm.last(Placed="lines"), cancellations=dm.count("Cancelled"), **columns)


FEED = dm.Events("order_events")
SPENDING = dm.projection(
    FEED,
    of=order(),
    each="lines AS line",
    where="cancellations = 0",
    by={"customer_id": "customer_id", "category": "line.category"},
    columns={
        "orders": dm.count_distinct("order_id"),
        "spent": dm.sum("line.quantity * line.price::DECIMAL(18,2)"),
        "largest": dm.max("line.quantity"),
    },
)
STATUS = dm.projection(
    FEED, of=order(), where="placed_at IS NOT NULL", columns={"is_cancelled": "cancellations > 0", "placed": "CAST(placed_at AS DATE)"}
)


def connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def sorted_rows(con: duckdb.DuckDBPyConnection, sql: str) -> Sequence[tuple[Any, ...]]:
    return sorted(con.execute(f"FROM {sql}").fetchall())


def streams() -> st.SearchStrategy[list[NewEvent]]:
    """Events of few orders and customers, in an order of arrival that is not that in which they happened."""
    lines = st.lists(
        st.builds(line, st.sampled_from(["books", "toys"]), st.integers(0, 3), st.sampled_from(["0.00", "2.50", "9.99"])), max_size=3
    )
    data = {
        "Placed": st.fixed_dictionaries({}, optional={"customer_id": st.sampled_from(["ada", "bob"]), "lines": lines}),
        "Moved": st.fixed_dictionaries({}, optional={"customer_id": st.sampled_from(["ada", "bob"])}),
        "Cancelled": st.just({}),
    }
    one = st.sampled_from(sorted(data)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(["o1", "o2", "o3"]), st.integers(0, 100), data[name])
    )
    return st.lists(one, max_size=12).map(
        lambda found: [event(number, name, order, hours, **said) for number, (name, order, hours, said) in enumerate(found)]
    )
