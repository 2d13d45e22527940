"""What a projection keeps between runs: one state for one definition and one store, that a crash does not tear."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.events.sealing import connection, kind

import dagmesh as dm
from dagmesh.errors import ChainBroken
from dagmesh.events.event import Head, NewEvent
from dagmesh.events.projections.state import Checkpoint, Definition, State, advance
from dagmesh.events.projections.state_files import opened, state_folder
from dagmesh.events.store import EventStore
from dagmesh.events.upcast import Upcast, upcast

NOON = datetime(2026, 3, 19, 12, tzinfo=UTC)
TODAY = NOON.date()
LENT_1 = kind("BikeLent", 1, bike={"type": "string"}, cents={"type": "integer"})
LENT = kind("BikeLent", 2, bike={"type": "string"}, cents={"type": "integer"}, rider={"type": ["string", "null"]})
BROKEN = kind("BikeBroken", 1, bike={"type": "string"})
TYPES = {(one.name, one.version): one for one in (LENT_1, LENT, BROKEN)}
BIKE = dm.entity(
    "bike",
    lent_at=dm.last(BikeLent="time"),
    loans=dm.count("BikeLent"),
    cents=dm.sum(BikeLent="cents"),
    riders=dm.count_distinct(BikeLent="rider"),
)
BIKES = dm.projection(dm.Events("bike_events"), of=BIKE)
BY_DAY = Definition(BIKES, "lent_at", TYPES)


def lent(number: int, bike: str = "a", days: int = 0, **data: object) -> NewEvent:
    said = {"bike": bike, "cents": number} | data
    return NewEvent(f"e{number}", "BikeLent", f"bikes/{bike}", NOON - timedelta(days=days), said)


def opened_store(folder: Path) -> EventStore:
    store = EventStore(folder, "bikes")
    store.register(TYPES.values())
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    made = opened_store(tmp_path / "events")
    yield made
    made.close()


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection() as made:
        yield made


@pytest.fixture
def state(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Iterator[State]:
    with opened(con, BY_DAY, tmp_path / "state") as made:
        yield made


def rows(state: State, checkpoint: Checkpoint, *days: date) -> list[tuple]:
    return state.con.execute(f"FROM {state.rows(['bike', 'loans', 'cents', 'riders'], checkpoint, days or None)}").fetchall()


def test_nothing_is_folded_before_the_first_run(state: State, store: EventStore) -> None:
    assert state.checkpoint() is None
    assert Checkpoint.read(state.folder) is None

    reached = advance(state, store)

    assert reached == Checkpoint(0, Head().hash.hex(), None, {})
    assert rows(state, reached) == []


def test_rows_come_in_order(state: State, store: EventStore) -> None:
    store.append([lent(1, "b"), lent(2, "c"), lent(3, "a", rider="r"), lent(4, "b")])

    assert rows(state, advance(state, store)) == [("a", 1, 3, 1), ("b", 2, 5, 0), ("c", 1, 2, 0)]


def test_an_event_without_a_key_counts_for_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path, store: EventStore) -> None:
    store.append([lent(1), NewEvent("e2", "BikeLent", "bikes/unknown", NOON, {"cents": 5})])

    with opened(con, replace(BY_DAY, partitioned_by=None), tmp_path / "state") as state:
        assert rows(state, advance(state, store)) == [("a", 1, 1, 0)]


def test_a_run_goes_on_where_the_last_one_ended(con: duckdb.DuckDBPyConnection, tmp_path: Path, store: EventStore) -> None:
    store.append([lent(1), lent(2, "b")])
    with opened(con, BY_DAY, tmp_path / "state") as state:
        first = advance(state, store)
    store.append([lent(3)])
    with opened(con, BY_DAY, tmp_path / "state") as state:
        assert state.checkpoint() == first == Checkpoint.read(state.folder)
        relations: list[int] = []
        watched = replace(state, definition=_Noting(BY_DAY, relations))

        second = advance(watched, store)

        assert (second.position, second.hash, relations) == (3, store.head().hash.hex(), [2])
        assert rows(state, second) == [("a", 2, 4, 0), ("b", 1, 2, 0)]
        assert Checkpoint.read(state.folder) == second


class _Noting(Definition):
    """The definition, which notes after which position events are read."""

    def __init__(self, definition: Definition, after: list[int]) -> None:
        super().__init__(definition.projection, definition.partitioned_by, definition.types, definition.upcasts)
        object.__setattr__(self, "after", after)

    def relations(self, con: duckdb.DuckDBPyConnection, store: EventStore, after: int, until: int) -> dict[str, str]:
        self.after.append(after)
        return super().relations(con, store, after, until)


def test_a_head_before_the_checkpoint_changes_nothing(state: State, store: EventStore) -> None:
    store.append([lent(1), lent(2), lent(3)])
    reached = advance(state, store)

    assert state.fold_to(store, Head(2, store.hash_at(2) or b"")) == reached
    assert rows(state, reached) == [("a", 3, 6, 0)]


def test_a_store_that_was_put_back_is_not_folded_on(state: State, store: EventStore, tmp_path: Path) -> None:
    store.append([lent(1), lent(2), lent(3)])
    advance(state, store)
    older = opened_store(tmp_path / "older")
    older.append([lent(1), lent(2)])

    with pytest.raises(ChainBroken) as refusal:
        advance(state, older)

    assert refusal.value.position == 3
    assert str(refusal.value) == (
        f"{older.path}: event 3, up to which a projection was folded, is not there any more. If the store was put back from a backup on "
        "purpose, fold it again: dagmesh replay <product>"
    )
    older.close()


def test_a_store_that_was_replaced_is_not_folded_on(state: State, store: EventStore, tmp_path: Path) -> None:
    store.append([lent(1), lent(2)])
    reached = advance(state, store)
    other = opened_store(tmp_path / "other")
    other.append([lent(7), lent(8), lent(9)])

    with pytest.raises(ChainBroken, match="event 2, up to which a projection was folded, is another one now"):
        advance(state, other)

    assert state.checkpoint() == reached
    other.close()


def test_a_fold_that_fails_leaves_things_and_checkpoint_as_they_were(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, store: EventStore
) -> None:
    fragile = dm.entity("bike", riders=dm.max(BikeLent="CAST(rider AS BIGINT)"))
    definition = Definition(dm.projection(dm.Events("bike_events"), of=fragile), None, TYPES)
    store.append([lent(1, rider="1")])
    with opened(con, definition, tmp_path / "state") as state:
        before = advance(state, store)
        store.append([lent(2, rider="2"), lent(3, rider="three")])

        with pytest.raises(duckdb.ConversionException):
            advance(state, store)

        assert state.checkpoint() == before == Checkpoint.read(state.folder)
        assert con.execute(f"SELECT bike, riders FROM {state.table}").fetchall() == [("a", 1)]


def test_a_fold_that_fails_with_its_checkpoint_leaves_everything_as_it_was(state: State, store: EventStore) -> None:
    store.append([lent(1)])
    before = advance(state, store)
    store.append([lent(2)])

    with pytest.raises(AttributeError):
        state.fold_to(store, Head(2, None))  # type: ignore[arg-type]  # fails when the things are folded, at their checkpoint

    assert state.checkpoint() == before
    assert rows(state, advance(state, store)) == [("a", 2, 3, 0)]


CRASH = """
import os, sys
from pathlib import Path
from tests.events import test_projection_state as tests
from dagmesh.events.projections import state as state_module
folder = Path(sys.argv[1])
with tests.connection() as con, tests.opened(con, tests.BY_DAY, folder / "state") as state:
    class Dying:
        def execute(self, sql, *arguments):
            if sys.argv[2] in sql:
                os._exit(9)
            return con.execute(sql, *arguments)
        def __getattr__(self, name):
            return getattr(con, name)
    dying = tests.replace(state, con=Dying())
    tests.advance(dying, tests.opened_store(folder / "events"))
"""


@pytest.mark.parametrize("last", ["DELETE FROM", "INSERT INTO projected.things", "INSERT INTO projected.checkpoint", "COMMIT"])
def test_a_process_that_dies_while_it_folds_neither_loses_nor_doubles_an_event(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, store: EventStore, last: str
) -> None:
    store.append([lent(1), lent(2, "b")])
    with opened(con, BY_DAY, tmp_path / "state") as state:
        before = advance(state, store)
    store.append([lent(3), lent(4, "b"), lent(5, "c")])

    died = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), last], cwd=Path(__file__).parents[2], check=False)

    assert died.returncode == 9
    with opened(con, BY_DAY, tmp_path / "state") as state:
        assert state.checkpoint() == before
        assert rows(state, advance(state, store)) == [("a", 2, 4, 0), ("b", 2, 6, 0), ("c", 1, 5, 0)]


def test_only_the_owner_reads_a_state(state: State, store: EventStore) -> None:
    advance(state, store)

    assert (state.folder / "things.duckdb").stat().st_mode & 0o077 == 0
    assert state.folder.stat().st_mode & 0o077 == 0


def test_a_window_ends_on_the_day_of_the_newest_event_and_moves_with_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, store: EventStore
) -> None:
    windowed = Definition(replace(BIKES, within=dm.last_days(2, "lent_at")), None, TYPES)
    store.append([lent(1, "today"), lent(2, "yesterday", days=1), lent(3, "before", days=2), lent(4, "never", days=900)])
    with opened(con, windowed, tmp_path / "state") as state:
        first = advance(state, store)
        assert [bike for bike, *_ in rows(state, first)] == ["today", "yesterday"]
        store.append([NewEvent("b1", "BikeBroken", "bikes/x", NOON + timedelta(days=5), {"bike": "x"})])
        assert advance(state, store).newest == TODAY

        store.append([lent(5, "tomorrow", days=-1)])
        second = advance(state, store)

        assert second.newest == TODAY + timedelta(days=1)
        assert [bike for bike, *_ in rows(state, second)] == ["today", "tomorrow"]
        assert first.version(windowed.projection) != second.version(windowed.projection)


def test_a_version_is_of_the_days_asked_for(state: State, store: EventStore) -> None:
    store.append([lent(1, "a"), lent(2, "b", days=1)])
    first = advance(state, store)
    store.append([lent(3, "a")])
    second = advance(state, store)

    yesterday = TODAY - timedelta(days=1)
    assert first.version(BIKES, [yesterday]) == second.version(BIKES, [yesterday])
    assert first.version(BIKES, [TODAY]) != second.version(BIKES, [TODAY])
    assert first.version(BIKES) != second.version(BIKES)
    assert set(second.versions) == {TODAY, yesterday}


def test_a_day_that_a_thing_left_has_it_no_more(state: State, store: EventStore) -> None:
    store.append([lent(1, "a", days=1)])
    advance(state, store)
    store.append([lent(2, "a")])

    reached = advance(state, store)

    assert set(reached.versions) == {TODAY}
    assert rows(state, reached, TODAY - timedelta(days=1)) == []
    assert rows(state, reached, TODAY) == [("a", 2, 3, 0)]


def doubled(data: dict) -> dict:
    return {**data, "rider": next(name for name in [None])}


def doubled_and_explained(data: dict) -> dict:
    # The same, with a word about it.

    return {**data, "rider": next(name for name in [None])}


def named(data: dict) -> dict:
    return {**data, "rider": next(name for name in ["nobody"])}


def lifted_by(lift: Upcast) -> str:
    return Definition(BIKES, "lent_at", TYPES, (lift,)).digest()


def test_another_definition_is_another_state() -> None:
    last_fixed = dm.entity("bike", **(dict(BIKE.columns) | {"cents": dm.sum(BikeLent="cents + 1")}))
    renumbered = {**TYPES, ("BikeLent", 2): kind("BikeLent", 2, bike={"type": "string"}, rider={"type": "string"})}
    definitions = [
        BY_DAY,
        replace(BY_DAY, partitioned_by=None),
        replace(BY_DAY, projection=replace(BIKES, entity=last_fixed)),
        replace(BY_DAY, projection=replace(BIKES, where="loans > 1")),
        replace(BY_DAY, projection=replace(BIKES, each="[1] AS one")),
        replace(BY_DAY, projection=replace(BIKES, within=dm.last_days(3, "lent_at"))),
        replace(BY_DAY, types=renumbered),
        replace(BY_DAY, upcasts=(upcast("BikeLent", from_version=1, fields={"rider": "'r'"}),)),
        replace(BY_DAY, upcasts=(upcast("BikeLent", from_version=1, fields={"rider": "'s'"}),)),
        replace(BY_DAY, upcasts=(Upcast("BikeLent", 1, function=doubled),)),
    ]

    assert len({definition.digest() for definition in definitions}) == len(definitions)


def test_what_changes_nothing_leaves_the_state() -> None:
    other_types = {**TYPES, ("BikeBroken", 1): kind("BikeBroken", 1, bike={"type": "integer"})}
    other_lift = upcast("BikeBroken", from_version=1, fields={})

    assert replace(BY_DAY, types=other_types).digest() == BY_DAY.digest()
    assert replace(BY_DAY, upcasts=(other_lift,)).digest() == BY_DAY.digest()
    assert replace(BY_DAY, types=dict(reversed(TYPES.items()))).digest() == BY_DAY.digest()


def test_an_upcasts_code_counts_and_not_what_is_said_of_it() -> None:
    first, same, other = (lifted_by(Upcast("BikeLent", 1, function=function)) for function in (doubled, doubled_and_explained, named))

    assert first == same != other


def test_the_digest_of_an_upcast_is_the_same_in_every_process() -> None:
    code = "from tests.events.test_projection_state import *; print(lifted_by(Upcast('BikeLent', 1, function=of_a_set)))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]

    assert len({run.stdout for run in runs}) == 1


def of_a_set(data: dict) -> dict:
    return {**data, "rider": "known" if data.get("bike") in {"a", "b", "c", "d"} else next(name for name in [None])}


def test_definitions_of_a_product_are_kept_beside_each_other(tmp_path: Path) -> None:
    assert state_folder(tmp_path, "loans.v1", BY_DAY.digest()) == tmp_path / "projections" / "loans.v1" / BY_DAY.digest()
