"""The event store: grows only, keeps the order, takes each event once, and shows where it was changed behind its back."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagmesh.errors import ChainBroken, EventRefused, PreconditionFailed
from dagmesh.events.event import Head, NewEvent
from dagmesh.events.event_type import EventType
from dagmesh.events.precondition import OnEvent, Populated, Precondition, Pristine, QueryTrue
from dagmesh.events.store import EventStore

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
LINES = {"type": "array", "items": {"type": "object", "properties": {"quantity": {"type": "integer"}}}}
PLACED = EventType(
    "OrderPlaced", 1, {"type": "object", "properties": {"eur": {"type": "integer"}, "lines": LINES}, "additionalProperties": False}
)
MOVED = EventType(
    "AddressChanged", 1, {"type": "object", "properties": {"street": {"type": "string", "x-pii": True}, "country": {"type": "string"}}}
)


def placed(number: int, eur: int = 1, **said: object) -> NewEvent:
    return NewEvent(
        **{"id": f"e{number}", "type": "OrderPlaced", "subject": f"orders/{number}", "time": NOON, "data": {"eur": eur}, **said}
    )


def moved(number: int, street: str) -> NewEvent:
    return NewEvent(f"m{number}", "AddressChanged", f"customers/{number}", NOON, {"street": street, "country": "DE"})


def opened(folder: Path) -> EventStore:
    store = EventStore(folder, "shop/orders")
    store.register([PLACED, MOVED])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    made = opened(tmp_path / "events")
    yield made
    made.close()


def ids(events: Iterator) -> list[str]:
    return [event.id for event in events]


def tamper(store: EventStore, *statements: str) -> None:
    """Change the file as one who owns it could."""
    with sqlite3.connect(store.path) as con:
        con.execute("DROP TRIGGER events_never_change")
        con.execute("DROP TRIGGER events_never_go")
        con.execute("DROP TRIGGER events_come_one_after_the_other")
        for statement in statements:
            con.execute(statement)
    con.close()


# Appending


def test_events_get_positions_in_order_and_come_back_as_they_were(store: EventStore) -> None:
    assert store.append([placed(1, eur=5), placed(2)]) == [1, 2]

    first = next(store.read())
    assert (first.position, first.id, first.source, first.type, first.version) == (1, "e1", "shop/orders", "OrderPlaced", 1)
    assert (first.subject, first.time, first.data) == ("orders/1", NOON, {"eur": 5})
    assert store.head() == Head(2, next(store.read(order="newest first")).hash)


def test_an_event_handed_over_again_keeps_its_position(store: EventStore) -> None:
    store.append([placed(1), placed(2)])

    assert store.append([placed(2), placed(3), placed(3), placed(1)]) == [2, 3, 3, 1]
    assert ids(store.read()) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([placed(1, eur=2)], "event e1 is at position 1 with other content; an id belongs to one event for ever."),
        ([placed(7), placed(7, eur=2)], "event e7 is twice in the batch with different content; an id belongs to one event for ever."),
        ([placed(7, type="OrderLost")], "event e7: unknown type 'OrderLost'; register it, or choose AddressChanged, OrderPlaced."),
        ([placed(7, version=3)], "event e7: OrderPlaced has no version 3; choose 1."),
        ([placed(7, subject="")], "event 'e7' (OrderPlaced): id and subject are given by its producer; got subject ''."),
        ([placed(7, time=datetime(2026, 11, 19))], "event e7: time 2026-11-19 00:00:00 has no time zone; write it in UTC."),  # noqa: DTZ001
        (
            [placed(7, time=NOON + timedelta(hours=1))],
            "event e7: time 2026-11-19T13:00:00+00:00 is in the future; it is 2026-11-19T12:00:00+00:00. See to the producer's clock.",
        ),
        (
            [placed(7, data={"lines": [{"quantity": 1}, {"quantity": "two"}]})],
            "event e7 (OrderPlaced 1, orders/7): data.lines[1].quantity must be integer.",
        ),
    ],
    ids=["other content", "twice", "unknown type", "unknown version", "no subject", "no zone", "future", "schema"],
)
def test_a_wrong_event_is_refused_and_its_whole_batch_with_it(store: EventStore, events: list[NewEvent], message: str) -> None:
    store.append([placed(1)])

    with pytest.raises(EventRefused) as refusal:
        store.append([placed(5), *events], now=NOON)

    assert str(refusal.value) == message
    assert ids(store.read()) == ["e1"]


@pytest.mark.parametrize(
    ("precondition", "failure"),
    [
        (Pristine("orders/1"), "orders/1 is not pristine: its newest event is e1."),
        (Populated("orders/2"), "orders/2 has no event yet."),
        (OnEvent("orders/1", "e0"), "orders/1 is on event e1, not on e0; read it again and decide anew."),
        (OnEvent("orders/2", "e0"), "orders/2 is on event none, not on e0; read it again and decide anew."),
        (QueryTrue("SELECT count(*) > 1 FROM events"), "the query is not true: SELECT count(*) > 1 FROM events"),
        (QueryTrue("DELETE FROM events"), "the query cannot be run (not authorized): DELETE FROM events"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_is_expected_and_not_true_stops_the_append(store: EventStore, precondition: Precondition, failure: str) -> None:
    store.append([placed(1)])

    with pytest.raises(PreconditionFailed) as refusal:
        store.append([placed(2)], expect=[precondition])

    assert str(refusal.value) == f"shop/orders: nothing was appended: {failure}"
    assert ids(store.read()) == ["e1"]


def test_what_is_expected_and_true_lets_the_append_through(store: EventStore) -> None:
    store.append([placed(1)], expect=[Pristine("orders/1"), QueryTrue("SELECT count(*) = 0 FROM events")])

    assert store.append([placed(2)], expect=[Populated("orders/1"), OnEvent("orders/1", "e1"), Pristine("orders/2")]) == [2]


def test_an_append_repeated_after_a_lost_answer_is_not_stopped_by_its_own_first_time(store: EventStore) -> None:
    store.append([placed(1)], expect=[Pristine("orders/1")])

    assert store.append([placed(1)], expect=[Pristine("orders/1")]) == [1]


# Types


def test_a_type_changes_by_a_new_version_only(store: EventStore) -> None:
    wider = EventType("OrderPlaced", 1, {"type": "object", "properties": {"eur": {"type": "number"}}})

    with pytest.raises(EventRefused, match=r"^event type OrderPlaced 1 is registered with another schema; register it as version 2\.$"):
        store.register([wider])
    with pytest.raises(EventRefused, match=r"^event type OrderPlaced: version 3 comes before version 2 is registered\.$"):
        store.register([EventType("OrderPlaced", 3, wider.schema)])

    store.register([EventType("OrderPlaced", 2, wider.schema)])
    store.append([placed(1, eur=1.5), placed(2, eur=2, version=1)])
    assert [event.version for event in store.read()] == [2, 1]


@pytest.mark.parametrize(
    ("name", "schema", "message"),
    [
        ("order placed", {}, "event type 'order placed' is not a name; write it in the past tense, for example OrderPlaced."),
        (
            "OrderPlaced",
            {"type": "array"},
            'event type OrderPlaced: its schema is no object with properties; write {"type": "object", "properties": ...}.',
        ),
        (
            "OrderPlaced",
            {"type": "object", "properties": {"eur": {"type": "euro"}}},
            "event type OrderPlaced: its schema is no JSON schema: Unknown type.",
        ),
    ],
)
def test_a_type_that_makes_no_sense_is_refused(name: str, schema: dict, message: str) -> None:
    with pytest.raises(EventRefused) as refusal:
        EventType(name, 1, schema)

    assert str(refusal.value) == message


# Reading


def test_reading_is_narrowed_by_subject_bounds_types_and_turned_around(store: EventStore) -> None:
    store.append(
        [placed(1), moved(1, "A"), placed(2, subject="orders/1/lines"), placed(3, subject="orders/10"), placed(4, subject="orders")]
    )

    assert ids(store.read("orders/1")) == ["e1"]
    assert ids(store.read("orders/1", recursive=True)) == ["e1", "e2"]
    assert ids(store.read("orders", recursive=True)) == ["e1", "e2", "e3", "e4"]
    assert ids(store.read(after=1, until=3)) == ["m1", "e2"]
    assert ids(store.read(types=["AddressChanged"])) == ["m1"]
    assert ids(store.read(order="newest first"))[:2] == ["e4", "e3"]
    assert ids(store.observe(after=3)) == ["e3", "e4"]
    assert (store.latest("OrderPlaced").id, store.latest("OrderPlaced", "orders/1").id, store.latest("OrderLost")) == ("e4", "e1", None)


def test_an_event_is_a_cloudevent(store: EventStore) -> None:
    store.append([placed(1)])

    event = next(store.read())

    assert event.to_cloudevent() == {
        "specversion": "1.0",
        "id": "e1",
        "source": "shop/orders",
        "type": "OrderPlaced",
        "subject": "orders/1",
        "time": "2026-11-19T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"eur": 1},
        "position": 1,
        "schemaversion": 1,
        "predecessorhash": "0" * 64,
        "hash": event.hash.hex(),
    }


# Immutability


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}' WHERE position = 1",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT position, id, source, type, version, subject, time, '{}', predecessor, hash FROM events",
        "INSERT OR REPLACE INTO events SELECT 2, id, source, type, version, subject, time, '{}', predecessor, hash FROM events",
        "INSERT INTO events SELECT 3, 'e3', source, type, version, subject, time, data, predecessor, hash FROM events",
        "UPDATE event_types SET schema = '{}'",
        "DELETE FROM event_types",
    ],
)
def test_what_is_stored_is_not_changed(store: EventStore, statement: str) -> None:
    store.append([placed(1)])

    with sqlite3.connect(store.path) as con, pytest.raises(sqlite3.IntegrityError, match=r"never|one after the other"):
        con.execute(statement)
    con.close()


@pytest.mark.parametrize(
    ("statement", "position", "what"),
    [
        ("UPDATE events SET data = '{\"eur\":9}' WHERE position = 3", 3, "was changed since it was appended"),
        ("UPDATE events SET time = time + 1 WHERE position = 2", 2, "was changed since it was appended"),
        ("UPDATE events SET subject = 'orders/9' WHERE position = 4", 4, "was changed since it was appended"),
        ("UPDATE events SET hash = zeroblob(32) WHERE position = 2", 2, "was changed since it was appended"),
        ("UPDATE events SET predecessor = zeroblob(32) WHERE position = 5", 5, "was changed since it was appended"),
        ("DELETE FROM events WHERE position = 3", 3, "is missing; the next is 4"),
    ],
)
def test_verifying_names_the_first_bad_position(store: EventStore, statement: str, position: int, what: str) -> None:
    store.append([placed(number) for number in range(1, 6)])
    tamper(store, statement)

    with pytest.raises(ChainBroken) as broken:
        store.verify()

    assert str(broken.value) == f"{store.path}: event {position} {what}. Put the file back from a backup."
    assert broken.value.position == position


def test_a_chain_that_holds_gives_its_head_also_from_the_middle(store: EventStore) -> None:
    store.append([placed(1), placed(2)])
    middle = store.head()
    store.append([placed(3)])

    assert store.verify() == store.verify(middle) == store.head()


def test_events_that_swapped_places_break_the_chain(store: EventStore) -> None:
    store.append([placed(number) for number in range(1, 4)])
    tamper(
        store,
        "UPDATE events SET position = -2 WHERE position = 2",
        "UPDATE events SET position = 2 WHERE position = 3",
        "UPDATE events SET position = 3 WHERE position = -2",
    )

    with pytest.raises(ChainBroken, match="event 2 was changed"):
        store.verify()


# Erasure


def test_a_forgotten_subjects_personal_values_are_gone_and_the_chain_holds(store: EventStore) -> None:
    store.append([moved(1, "Elm Street 1"), moved(2, "Oak Road 2")])
    assert [event.data["street"] for event in store.read()] == ["Elm Street 1", "Oak Road 2"]

    assert store.forget("customers/1", NOON)

    assert [event.data for event in store.read()] == [{"street": None, "country": "DE"}, {"street": "Oak Road 2", "country": "DE"}]
    assert store.verify() == store.head()
    assert not store.forget("customers/1", NOON)


def test_personal_values_are_nowhere_in_the_files(store: EventStore) -> None:
    store.append([moved(1, "Elm Street 1")])

    assert all(b"Elm" not in path.read_bytes() for path in store.path.parent.iterdir())


def test_a_deleted_key_is_nowhere_in_the_files(store: EventStore) -> None:
    store.append([moved(1, "Elm Street 1")])
    keys = store.path.with_name("subject_keys.sqlite")
    with sqlite3.connect(keys) as con:
        [(key,)] = con.execute("SELECT key FROM keys").fetchall()
    con.close()
    assert key in keys.read_bytes()

    store.forget("customers/1", NOON)

    assert all(key not in path.read_bytes() for path in store.path.parent.iterdir())


def test_a_forgotten_subject_may_come_back_with_a_new_key(store: EventStore) -> None:
    store.append([moved(1, "Elm Street 1")])
    store.forget("customers/1", NOON)

    store.append([NewEvent("m9", "AddressChanged", "customers/1", NOON, {"street": "New Lane 9"})])

    assert [event.data["street"] for event in store.read()] == [None, "New Lane 9"]
    assert store.append([moved(1, "Elm Street 1")]) == [1]


def test_the_files_are_for_their_owner_only(store: EventStore) -> None:
    store.append([moved(1, "Elm Street 1")])

    modes = {path.name: path.stat().st_mode & 0o777 for path in [store.path.parent, *store.path.parent.iterdir()]}

    assert modes == {
        "events": 0o700,
        "events.sqlite": 0o600,
        "events.sqlite-shm": 0o600,
        "events.sqlite-wal": 0o600,
        "subject_keys.sqlite": 0o600,
    }


# Laws


BATCHES = st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=8)


@settings(deadline=None, max_examples=40)
@given(batches=BATCHES)
def test_in_whatever_batches_and_however_often_events_come_each_is_there_once_in_order_of_its_first_coming(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    store = opened(tmp_path_factory.mktemp("law") / "events")
    first = list(dict.fromkeys(number for batch in batches for number in batch))

    for batch in batches:
        positions = store.append([placed(number) for number in batch])

        assert positions == [first.index(number) + 1 for number in batch]

    assert ids(store.read()) == [f"e{number}" for number in first]
    assert store.verify() == store.head()
    assert store.head().position == len(first)
    store.close()


WRITER = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from dagmesh.events.event import NewEvent
    from dagmesh.events.store import EventStore
    store = EventStore(Path(sys.argv[1]), "shop/orders")
    name, batches = sys.argv[2], int(sys.argv[3])
    for batch in range(batches):
        now = datetime.now(UTC)
        store.append([NewEvent(f"{name}-{batch}-{n}", "OrderPlaced", f"orders/{name}", now, {"eur": n}) for n in range(5)])
        print(batch, flush=True)
"""


def writer(store: EventStore, name: str, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(store.path.parent), name, str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_four_processes_that_append_at_once_lose_nothing(store: EventStore) -> None:
    processes = [writer(store, name, 40) for name in "abcd"]

    assert [process.communicate() and process.returncode for process in processes] == [0, 0, 0, 0]

    assert sorted(ids(store.read())) == sorted(f"{name}-{batch}-{n}" for name in "abcd" for batch in range(40) for n in range(5))
    assert store.verify().position == 800


def test_a_process_killed_while_it_appends_leaves_whole_batches_and_all_it_acknowledged(store: EventStore) -> None:
    for attempt in range(5):
        process = writer(store, f"k{attempt}", 1000)
        assert process.stdout is not None
        for _ in range(attempt * 7 + 1):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in process.communicate()[0].split())])

        there = len(ids(store.read(f"orders/k{attempt}")))

        assert there % 5 == 0
        assert there // 5 in (acknowledged + 1, acknowledged + 2)
        assert store.verify() == store.head()


def test_an_event_that_is_there_stays_known_when_a_newer_version_of_its_type_wants_more(store: EventStore) -> None:
    store.append([placed(1)])
    more = {"type": "object", "properties": {"eur": {"type": "integer"}, "shop": {"type": "string"}}, "required": ["shop"]}
    store.register([EventType("OrderPlaced", 2, more)])

    outcome = store.append_each([placed(1), placed(2), placed(3, data={"eur": 1, "shop": "Graz"})])

    assert (outcome.appended, outcome.known, list(outcome.refused)) == (1, 1, [1])
    assert store.append([placed(1)]) == [1]
    with pytest.raises(EventRefused, match="position 1 with other content"):
        store.append([placed(1, eur=2)])
