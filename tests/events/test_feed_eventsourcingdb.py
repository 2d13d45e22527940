"""An EventSourcingDB into the store through the official client, against a double of its protocol."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.events.eventsourcingdb_double import TOKEN, EventSourcingDBDouble
from tests.events.feeding import NOON, PLACED, content, ids

from dagmesh.errors import EventRefused
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.eventsourcingdb import EventSourcingDB, feed_eventsourcingdb
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.store import EventStore

eventsourcingdb = pytest.importorskip("eventsourcingdb", reason="no client: uv pip install --group dev")
TYPE = "com.example.shop.OrderPlaced.v1"


@pytest.fixture
def database() -> Iterator[EventSourcingDBDouble]:
    with EventSourcingDBDouble().served() as double:
        yield double


def source(database: EventSourcingDBDouble, **said: Any) -> EventSourcingDB:
    return EventSourcingDB(**{"url": database.url, "token": TOKEN, "patience_s": 0.5} | said)


def test_events_are_observed_in_their_order_also_those_that_come_meanwhile(
    fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble
) -> None:
    database.write("/orders/1", TYPE, {"eur": 1, "note": "é"})
    database.write("/orders/2", "OrderPlaced", {"eur": 2})
    database.later = [("/orders/3", "com.example.OrderPlaced", {"eur": 3}), ("/orders/4", TYPE, {"eur": 4})]

    assert feed_eventsourcingdb(fed_store, source(database, batch=3), dead_letters, now=NOON) == Fed(appended=4)

    assert ids(fed_store) == ["esdb-0", "esdb-1", "esdb-2", "esdb-3"]
    first = next(fed_store.read())
    assert (first.type, first.version, first.subject, first.data) == ("OrderPlaced", 1, "orders/1", {"eur": 1, "note": "é"})
    assert first.time.isoformat() == "2026-11-19T08:00:00.123456+00:00"


def test_a_feed_goes_on_after_the_event_it_noted(fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble) -> None:
    database.write("/orders/1", TYPE, {"eur": 1})
    feed_eventsourcingdb(fed_store, source(database), dead_letters)
    database.write("/orders/2", TYPE, {"eur": 2})

    assert feed_eventsourcingdb(fed_store, source(database), dead_letters) == Fed(appended=1)
    assert database.bounds == [None, {"id": "0", "type": "exclusive"}]


def test_a_crash_between_append_and_cursor_doubles_nothing(
    fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble, broken_cursors: Any
) -> None:
    for number in range(3):
        database.write(f"/orders/{number}", TYPE if number else "OrderLost", {"eur": number})

    with broken_cursors(fed_store), pytest.raises(EventRefused, match=r"SQLite says: no space\. Nothing is lost; run the feed again\.$"):
        feed_eventsourcingdb(fed_store, source(database), dead_letters)

    assert feed_eventsourcingdb(fed_store, source(database), dead_letters) == Fed(appended=0, known=2, dead=1)
    assert len(content(fed_store)) == 2
    assert len(list(dead_letters.read())) == 1


def test_events_that_are_not_known_here_or_were_changed_there_are_dead_letters(
    fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble
) -> None:
    database.write("/orders/1", TYPE, {"eur": 1})
    database.write("/orders/2", "com.example.shop.OrderLost.v1", {})
    database.write("/orders/3", "com.example.shop.OrderPlaced.v2", {"eur": 1})
    database.write("/orders/4", TYPE, {"eur": 1})["data"] = {"eur": 2}
    database.write("/orders/5", TYPE, {"eur": 5})

    assert feed_eventsourcingdb(fed_store, source(database), dead_letters) == Fed(appended=2, dead=3)

    assert {letter.line: letter.reason for letter in dead_letters.read()} == {
        2: "event esdb-1: unknown type 'OrderLost'; register it, or choose OrderPlaced.",
        3: "event esdb-2: OrderPlaced has no version 2; choose 1.",
        4: "event 3 of the database: its hash is not that of its content; it was changed since.",
    }
    assert {letter.file for letter in dead_letters.read()} == {f"{database.url}/"}


def test_only_a_subject_and_those_below_it_are_observed_where_that_is_wanted(
    fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble
) -> None:
    for subject in ("/orders", "/orders/1", "/orders2", "/customers/1"):
        database.write(subject, TYPE, {"eur": 1})

    feed_eventsourcingdb(fed_store, source(database, subject="/orders", name="shop"), dead_letters)

    assert ids(fed_store) == ["shop-0", "shop-1"]


def test_a_wrong_token_is_an_error_and_nothing_is_noted(
    fed_store: EventStore, dead_letters: DeadLetters, database: EventSourcingDBDouble
) -> None:
    database.write("/orders/1", TYPE, {"eur": 1})

    with pytest.raises(eventsourcingdb.CustomError):
        feed_eventsourcingdb(fed_store, source(database, token="wrong"), dead_letters)

    assert feed_eventsourcingdb(fed_store, source(database), dead_letters) == Fed(appended=1)
    assert PLACED.name == next(fed_store.read()).type
