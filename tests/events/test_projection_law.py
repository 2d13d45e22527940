"""The laws of projections, for any events and any projection: whoever folds, in however many steps, gets the same rows.

About 15 seconds; DAGMESH_LAW_EXAMPLES=10000 searches for as long as one likes, with new examples each time.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.events import projections_at_random as meaning
from tests.events.projections_at_random import Column, Meant, Piece, frozen, projections
from tests.events.sealing import KEY, connection
from tests.events.told import KNOWN, NOON, UPCASTS, Told, append, numbered, opened_store, streams

from dagmesh.events.event import Head
from dagmesh.events.projections.folding import things as compiled_things
from dagmesh.events.projections.state import Checkpoint, Definition, State
from dagmesh.events.projections.state_files import opened
from dagmesh.events.segments import seal
from dagmesh.events.store import EventStore
from dagmesh.lake.copied_files import Copy, copied
from dagmesh.lake.storage import LocalStorage

EXAMPLES = os.environ.get("DAGMESH_LAW_EXAMPLES")


def law(examples: int) -> settings:
    return settings(
        max_examples=int(EXAMPLES or examples),
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@contextmanager
def site(events: Sequence[Told], sealed: int = 0) -> Iterator[tuple[Path, EventStore]]:
    """A folder and, in it, a store of the events, the first so many sealed."""
    with tempfile.TemporaryDirectory() as name:
        store = opened_store(Path(name) / "events")
        append(store, events[:sealed])
        if sealed:
            seal(store, KEY)
        append(store, events[sealed:])
        yield Path(name), store
        store.close()


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection() as made:
        yield made


@contextmanager
def folded(
    con: duckdb.DuckDBPyConnection, meant: Meant, store: EventStore, folder: Path, cuts: Sequence[int] = ()
) -> Iterator[tuple[State, Checkpoint]]:
    """The state folded up to each cut, in order, and then up to the head."""
    definition = Definition(meant.projection, meant.partitioned_by, KNOWN, UPCASTS)
    with opened(con, definition, folder) as state:
        for cut in cuts:
            state.fold_to(store, Head(cut, store.hash_at(cut) or Head().hash))
        yield state, state.fold_to(store, store.head())


def kept(state: State) -> list[tuple]:
    """Every thing, with all that is kept of it."""
    return state.con.execute(f"FROM {state.table} ORDER BY ALL").fetchall()


def rows(meant: Meant, state: State, checkpoint: Checkpoint, days: Sequence[date] | None = None) -> Counter:
    return counted(state.con.execute(f"FROM {state.rows(meant.contract, checkpoint, days)}").fetchall())


def counted(found: Sequence[tuple]) -> Counter:
    return Counter(tuple(frozen(value) for value in row) for row in found)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[list[Told], int, list[int]]:
    """Events, how many of them are sealed, and where the folding stops in between."""
    events = draw(streams())
    places = st.integers(0, len(events))
    return events, draw(places), sorted(draw(st.lists(places, max_size=3)))


@law(30)
@given(meant=projections(), cut=cut_streams())
def test_rebuilt_is_advanced_is_the_fold_in_python(
    con: duckdb.DuckDBPyConnection, meant: Meant, cut: tuple[list[Told], int, list[int]]
) -> None:
    events, sealed, cuts = cut
    expected = counted(meaning.rows(meant, events))

    with site(events, sealed) as (folder, store):
        with folded(con, meant, store, folder / "rebuilt") as (state, rebuilt):
            assert rows(meant, state, rebuilt) == expected
            assert_each_day_has_its_rows(meant, state, rebuilt, expected)
            things, written = kept(state), files(meant, state, rebuilt, folder / "first")
        with folded(con, meant, store, folder / "advanced", cuts) as (state, advanced):
            assert kept(state) == things
            assert files(meant, state, advanced, folder / "second") == written
        assert advanced == rebuilt


def assert_each_day_has_its_rows(meant: Meant, state: State, checkpoint: Checkpoint, expected: Counter) -> None:
    """Asked for days, a state has the rows of these days; of a window, all."""
    if meant.partitioned_by is None:
        return
    place = meant.contract.index(meant.partitioned_by)
    there = sorted({row[place] for row in expected if row[place]})
    for days in [*([day] for day in there), [*there[1:], date(1999, 1, 1)], there]:
        chosen = Counter({row: times for row, times in expected.items() if row[place] in days})
        assert rows(meant, state, checkpoint, days or None) == (chosen if days else expected)


def files(meant: Meant, state: State, checkpoint: Checkpoint, folder: Path) -> dict[str, bytes]:
    """The content of each file that the rows are written to, as they are staged for a publication."""
    columns = meant.contract
    days = sorted({day for (day,) in state.con.execute(f'SELECT DISTINCT "its day" FROM {state.table}').fetchall() if day})
    found = days if meant.partitioned_by else []
    sql = state.rows(columns, checkpoint, found or None)
    types = {name: kind for name, kind, *_ in state.con.execute(f"DESCRIBE FROM {sql}").fetchall()}
    typed = [(name, "BIGINT" if types[name] == "HUGEINT" else types[name]) for name in columns]
    if meant.partitioned_by and (not days or len(columns) == 1):
        return {}
    copied(state.con, Copy(sql, typed, meant.partitioned_by, found), LocalStorage(str(folder)), "stage", "things")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@law(10)
@given(meant=projections(), cut=cut_streams(), before=st.integers(0, 12))
def test_the_version_of_days_is_another_when_their_rows_are(
    con: duckdb.DuckDBPyConnection, meant: Meant, cut: tuple[list[Told], int, list[int]], before: int
) -> None:
    events, sealed, _ = cut
    known = [NOON.date() + timedelta(days=more) for more in (-1, 0, 1)] if meant.partitioned_by else []
    asked: list[list[date]] = [[day] for day in known] or [[]]

    with site(events, sealed) as (folder, store):
        head = Head(min(before, len(events)), store.hash_at(min(before, len(events))) or Head().hash)
        definition = Definition(meant.projection, meant.partitioned_by, KNOWN, UPCASTS)
        with opened(con, definition, folder / "state") as state:
            told = [
                [(reached.version(meant.projection, days), rows(meant, state, reached, days or None)) for days in asked]
                for reached in (state.fold_to(store, until) for until in (head, store.head()))
            ]

    for (version, earlier), (other, later) in zip(*told, strict=True):
        assert version != other or earlier == later


@law(10)
@given(meant=projections(), events=streams(), order=st.randoms(use_true_random=False))
def test_events_that_happened_at_different_moments_may_arrive_in_any_order(
    con: duckdb.DuckDBPyConnection, meant: Meant, events: list[Told], order: Random
) -> None:
    assume("position" not in repr(meant.projection.entity))
    distinct = [replace(event, time=event.time + timedelta(milliseconds=number)) for number, event in enumerate(events)]
    shuffled = numbered(order.sample(distinct, len(distinct)))

    seen = []
    for arrived in (distinct, shuffled):
        with site(arrived) as (folder, store), folded(con, meant, store, folder / "state", [len(arrived) // 2]) as (state, reached):
            seen.append((kept_without_positions(meant, state), rows(meant, state, reached)))

    assert seen[0] == seen[1]


def kept_without_positions(meant: Meant, state: State) -> list[tuple]:
    columns = ", ".join([*meant.key, *meant.things])
    return state.con.execute(f"SELECT {columns} FROM ({compiled_things(meant.projection.entity, state.table)}) ORDER BY ALL").fetchall()


# Each way once, over ties, late events, events without a key or a value, and a thing that comes late.
EVENTS = numbered(
    [
        Told("Placed", NOON, {"id_": "a", "part": 0, "amount": 5, "eur": Decimal("1.10"), "note": "é", "day": NOON.date()}, 2),
        Told("Changed", NOON, {"id_": "a", "part": 0, "amount": 7, "note": "z"}, 1),
        Told("Placed", NOON - timedelta(days=3), {"id_": "b", "part": 0, "eur": Decimal("0.05"), "note": "b"}, 1),
        Told("Changed", NOON, {"id_": "a", "part": 0, "amount": 5, "note": "z"}, 2),
        Told("Changed", NOON, {"part": 0, "amount": 100, "note": "nobody's"}, 2),
        Told("Changed", NOON - timedelta(days=1), {"id_": "a", "part": 0, "amount": -2, "note": "late"}, 2),
        Told("Placed", NOON - timedelta(days=3), {"id_": "b", "part": 0, "amount": 9}, 2),
        Told("Changed", NOON + timedelta(days=1), {"id_": "b", "part": 0}, 1),
        Told("Placed", NOON - timedelta(days=3), {"id_": "c", "part": 0, "eur": Decimal("2.00")}, 2),
    ]
)


def every_way() -> Meant:
    """A projection with a column in each way, over notes and amounts of two types."""

    def pieces(name: str, kind: str) -> dict[str, Piece]:
        return {said: Piece(name, lambda event: event.values.get(name), kind) for said in ("Placed", "Changed")}

    made = {f"{way}_note": Column(way, pieces("note", "VARCHAR"), "VARCHAR") for way in ("first", "last", "min", "max", "count_distinct")}
    made |= {f"{way}_amount": Column(way, pieces("amount", "BIGINT"), "BIGINT") for way in ("sum", "count")}
    made["placed_on"] = Column("first", {"Placed": Piece("CAST(time AS DATE)", lambda event: event.time.date(), "DATE")}, "DATE")
    key = {"id_": Piece("id_", lambda event: event.values.get("id_"), "VARCHAR")}
    return Meant(key, made, {}, partitioned_by="placed_on", plain=["id_", *made])


def test_at_every_cut_and_step_by_step_it_is_the_same(con: duckdb.DuckDBPyConnection) -> None:
    meant, expected = every_way(), counted(meaning.rows(every_way(), EVENTS))

    with site(EVENTS, sealed=4) as (folder, store):
        with folded(con, meant, store, folder / "rebuilt") as (state, rebuilt):
            things = kept(state)
            assert rows(meant, state, rebuilt) == expected
            assert_each_day_has_its_rows(meant, state, rebuilt, expected)
        for cuts in [*([cut] for cut in range(len(EVENTS))), range(len(EVENTS))]:
            with folded(con, meant, store, folder / f"advanced-{list(cuts)}", cuts) as (state, advanced):
                assert kept(state) == things
            assert advanced == rebuilt


def test_the_same_things_are_the_same_bytes_whatever_the_state_went_through(con: duckdb.DuckDBPyConnection) -> None:
    meant = every_way()
    events = [Told("Placed", NOON - timedelta(days=n % 17 % 2), {"id_": f"t{n % 17}", "amount": n, "note": f"{n}"}, 2) for n in range(40)]

    with site(numbered(events)) as (folder, store):
        written = []
        for name, cuts in (("once", []), ("twice", []), ("in steps", [5, 11, 23, 31])):
            with folded(con, meant, store, folder / name, cuts) as (state, reached):
                written.append(files(meant, state, reached, folder / f"{name}, written"))

    assert len(written[0]) == 2
    assert written[0] == written[1] == written[2]
