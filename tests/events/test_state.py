"""A projection's state: advanced or folded again it is the same, and to advance it reads no more than what came since."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.events.sealing import EUR, KEY, LINES, NOON, NOTE, connection, kind

import dagmesh as dm
from dagmesh.events.event import Head, NewEvent
from dagmesh.events.projections.state import Checkpoint, Definition, State
from dagmesh.events.projections.state_files import opened
from dagmesh.events.segments import seal
from dagmesh.events.store import EventStore

TYPES = [
    kind("OrderPlaced", 1, ["order_id", "eur"], order_id={"type": "string"}, eur=EUR, lines=LINES, note=NOTE),
    kind("OrderReturned", 1, ["order_id"], order_id={"type": "string"}, note=NOTE),
]
ORDER = dm.entity(
    "order_id",
    placed_at=dm.first(OrderPlaced="time"),
    lines=dm.first(OrderPlaced="lines"),
    newest_lines=dm.last(OrderPlaced="lines", OrderReturned="CASE WHEN note IS NOT NULL THEN [{sku: note, eur: 0.00}] END"),
    eur=dm.sum(OrderPlaced="eur"),
    notes=dm.count_distinct(OrderPlaced="note", OrderReturned="note"),
)
PROJECTION = dm.projection(dm.Events("orders.order_events"), of=ORDER, columns={"day": "CAST(placed_at AS DATE)"})
DEFINITION = Definition(PROJECTION, "day", {(known.name, known.version): known for known in TYPES})
EVENTS = 400


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """Orders that are placed, some again, and returned; ever older orders, and events in no order of time."""
    made = EventStore(tmp_path / "store", "orders")
    made.register(TYPES)
    made.append([_event(number) for number in range(EVENTS)])
    return made


def _event(number: int) -> NewEvent:
    order, moment = f"o{number * 7 % 60}", NOON - timedelta(hours=number * 37 % 101)
    if number % 5 == 4:
        return NewEvent(f"e{number}", "OrderReturned", order, moment, {"order_id": order, "note": f"n{number % 3}" if number % 2 else None})
    data = {"order_id": order, "eur": f"{number}.10", "note": f"n{number % 4}"}
    # An order's lines may come later than the order.
    return NewEvent(f"e{number}", "OrderPlaced", order, moment, data | ({"lines": [{"sku": f"s{number}"}]} if number % 3 else {}))


def _head(store: EventStore, position: int) -> Head:
    hashed = store.hash_at(position)
    assert hashed is not None
    return Head(position, hashed)


def _things(state: State) -> list[tuple[object, ...]]:
    return state.con.execute(f"FROM {state.table} ORDER BY ALL").fetchall()


def _folded(folder: Path, store: EventStore, *positions: int) -> tuple[Checkpoint, list[tuple[object, ...]]]:
    """The checkpoint and things after folding up to each of the positions, each with a connection of its own."""
    for position in positions:
        with connection() as con, opened(con, DEFINITION, folder) as state:
            checkpoint = state.fold_to(store, _head(store, position))
            found = _things(state)
    return checkpoint, found


@pytest.mark.parametrize("sealed", [0, 150, 399])
def test_a_state_that_was_advanced_is_the_one_that_is_folded_at_once(tmp_path: Path, store: EventStore, sealed: int) -> None:
    if sealed:
        seal(store, KEY, sealed)
    at_once = _folded(tmp_path / "at once", store, EVENTS)
    assert _folded(tmp_path / "in steps", store, 1, 100, 101, 250, EVENTS) == at_once
    assert at_once[0].newest == date(2026, 11, 19)
    assert len(at_once[1]) == 60


def test_the_first_and_last_lines_are_those_of_the_event_that_said_them(tmp_path: Path, store: EventStore) -> None:
    with connection() as con, opened(con, DEFINITION, tmp_path / "state") as state:
        state.fold_to(store, store.head())
        found = con.execute(f"SELECT order_id, lines[1].sku, newest_lines[1].sku FROM {state.table}").fetchall()
    said: dict[str, list[tuple[object, int, str | None, str | None]]] = {}
    for event in store.read():
        lines = event.data.get("lines")
        sku = lines[0]["sku"] if lines else None
        newest = sku if event.type == "OrderPlaced" else event.data["note"]
        said.setdefault(event.subject, []).append((event.time, event.position, sku, newest))
    for order, first, last in found:
        ordered = sorted(said[order], key=lambda of: of[:2])
        assert first == next((sku for *_, sku, _ in ordered if sku), None)
        assert last == next((newest for *_, newest in reversed(ordered) if newest), None)


def test_to_advance_reads_what_came_since_and_no_segment(tmp_path: Path, store: EventStore) -> None:
    seal(store, KEY, 300)
    with connection() as con:
        since = DEFINITION.relations(con, store, 390, EVENTS)
        assert sum(con.execute(f"SELECT count(*) FROM {sql}").fetchall()[0][0] for sql in since.values()) == 10
        # What is copied from SQLite into the connection is no more either.
        copied = con.execute("SELECT coalesce(sum(estimated_size), 0) FROM duckdb_tables()").fetchall()
        assert copied == [(10,)]
        assert not any("read_parquet" in sql for sql in since.values())


def test_things_of_one_hash_are_kept_apart(tmp_path: Path, store: EventStore) -> None:
    folder = tmp_path / "state"
    _folded(folder, store, EVENTS - 5)
    with duckdb.connect(folder / "things.duckdb") as con:
        con.execute("UPDATE things SET \"hash of key\" = (SELECT hash(order_id) FROM things WHERE order_id = 'o3') WHERE order_id = 'o6'")
    store.append([NewEvent("of o3", "OrderReturned", "o3", NOON, {"order_id": "o3", "note": "returned"})])
    _, found = _folded(folder, store, EVENTS + 1)
    assert len(found) == 60
