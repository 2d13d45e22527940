"""A trace's last step is what folding gives, for every row and column, whatever was folded or sealed before."""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.projecting import FEED, SPENDING, START, STATUS, connection, defined, opened, order, streams
from tests.events.sealing import KEY

import dagmesh as dm
from dagmesh.events.event import Head, NewEvent
from dagmesh.events.projections.bitemporal import Known, rows_at
from dagmesh.events.projections.folding import newest_day
from dagmesh.events.projections.state import Definition
from dagmesh.events.projections.state_files import opened as opened_state
from dagmesh.events.projections.trace import trace
from dagmesh.events.projections.trace_sql import Asked
from dagmesh.events.segments import seal

# A projection of each shape: its columns, and those that name a row.
SHAPES: list[tuple[Definition, list[str], list[str]]] = [
    (defined(SPENDING), ["customer_id", "category", "orders", "spent", "largest"], ["customer_id", "category"]),
    (defined(STATUS), ["order_id", "customer_id", "is_cancelled", "placed"], ["order_id"]),
    (
        defined(
            dm.projection(
                FEED,
                of=order(places=dm.count_distinct(Placed="customer_id", Moved="customer_id"), most=dm.max(Placed="len(lines)")),
                by={"customer_id": "customer_id"},
                within=dm.last_days(2, "placed_at"),
                columns={
                    "orders": dm.count(),
                    "moved": dm.sum("places"),
                    "least": dm.min("most"),
                    "most": dm.max("most"),
                    "earliest": dm.min("placed_at"),
                    "wide": dm.count_distinct("places"),
                },
            )
        ),
        ["customer_id", "orders", "moved", "least", "most", "earliest", "wide"],
        ["customer_id"],
    ),
    (
        defined(dm.projection(FEED, of=order(), each="lines AS line", columns={"category": "line.category", "quantity": "line.quantity"})),
        ["order_id", "category", "quantity"],
        ["order_id", "category", "quantity"],
    ),
]


def types_of(con: duckdb.DuckDBPyConnection, rows: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE FROM {rows}").fetchall()}


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[NewEvent], int, int, int, Any]:
    """Events, how many are sealed, up to where the state is folded (-1: not at all), the position to trace at, and perhaps a moment."""
    events = draw(streams())
    cut = st.integers(0, len(events))
    moment = draw(st.none() | st.integers(0, 100).map(lambda hours: START + timedelta(hours=hours)))
    return events, draw(cut), draw(st.integers(-1, len(events))), draw(cut), moment


@pytest.mark.parametrize("shape", range(len(SHAPES)))
@settings(max_examples=15, deadline=None)
@given(case=cases())
def test_the_last_step_is_what_folding_gives(shape: int, case: tuple[list[NewEvent], int, int, int, Any]) -> None:
    events, sealed, folded, position, moment = case
    definition, columns, key = SHAPES[shape]
    with tempfile.TemporaryDirectory() as folder:
        store, con = opened(Path(folder) / "events"), connection()
        for one in events:
            store.append([one])
        seal(store, KEY, sealed)
        rows = rows_at(con, store, definition, columns, position, moment)
        types, known = types_of(con, rows), Known(position, moment)
        newest = newest_day(con, known.relations(con, store, definition))
        with opened_state(con, definition, Path(folder) / "state") as state:
            if folded >= 0:
                state.fold_to(store, Head(folded, store.hash_at(folded) or Head().hash))
            for row in con.execute(f"FROM {rows}").fetchall():
                said = dict(zip(columns, row, strict=True))
                named = {name: None if said[name] is None else str(said[name]) for name in key}
                for column in columns:
                    found = trace(con, store, definition, Asked(column, named, types, known, newest), state)
                    assert (found.there, found.value) == (True, said[column]), column
            absent = trace(con, store, definition, Asked(columns[0], dict.fromkeys(key, "0"), types, known, newest), state)
            assert not absent.there
        con.close()
        store.close()
