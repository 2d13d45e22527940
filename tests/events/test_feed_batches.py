"""Batches of which some events are refused, the dead letters of the refused, and the cursors of how far feeds came."""

import json
import sqlite3
import threading
from pathlib import Path

import pytest
from tests.events.feeding import NOON, content, event, ids, opened

from dagmesh.errors import ChainBroken, EventRefused
from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetter, DeadLetters
from dagmesh.events.feeds.feed import Arrival, Fed, take
from dagmesh.events.store import EventStore


def refusals(store: EventStore, *events: object) -> dict[int, str]:
    return {index: str(refusal) for index, refusal in store.append_each(list(events), NOON).refused.items()}


def test_a_refused_event_does_not_stop_the_others_of_its_batch(fed_store: EventStore) -> None:
    outcome = fed_store.append_each([event(1), event(2, type="OrderLost"), event(3), event(1)], NOON)

    assert (outcome.appended, outcome.known, list(outcome.refused)) == (2, 1, [1])
    assert ids(fed_store) == ["e1", "e3"]


def test_the_first_event_of_an_id_stays_and_another_is_refused_in_its_batch_and_later(fed_store: EventStore) -> None:
    other = "event e1 is at position 1 with other content; an id belongs to one event for ever."

    assert refusals(fed_store, event(1), event(1, eur=2), event(1)) == {1: other}
    assert refusals(fed_store, event(1, eur=2), event(1)) == {0: other}
    assert ids(fed_store) == ["e1"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"data": {"eur": float("nan")}}, "event e7: its id, subject or data cannot be written as JSON in UTF-8"),
        ({"subject": "orders/\ud800"}, "event e7: its id, subject or data cannot be written as JSON in UTF-8"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "event e7: time 0001-01-01T00:00:00+14:00 is before year 1 in UTC, where time begins."),
        ({"schemaversion": 9}, "event e7: OrderPlaced has no version 9; choose 1."),
        (
            {"data": {"eur": 1, "deep": json.loads("[" * 100 + "]" * 100)}},
            "event e7: its data is nested deeper than 100 levels; write the innermost as text.",
        ),
    ],
)
def test_what_could_not_be_written_or_read_again_is_refused(fed_store: EventStore, said: dict, reason: str) -> None:
    assert refusals(fed_store, event(7, **said))[0].startswith(reason)


def test_data_that_is_long_or_nested_as_deep_as_may_be_goes_in(fed_store: EventStore) -> None:
    for number, given in enumerate((json.loads("[" * 99 + "]" * 99), [[]] * 500), 1):
        assert refusals(fed_store, event(number, data={"eur": 1, "deep": given})) == {}


def test_nothing_is_chained_to_an_event_that_was_changed(fed_store: EventStore) -> None:
    fed_store.append([event(1)])
    with sqlite3.connect(fed_store.path) as con:
        con.execute("DROP TRIGGER events_never_change")
        con.execute("UPDATE events SET data = '{}'")
    con.close()

    with pytest.raises(ChainBroken) as broken:
        fed_store.append_each([event(2)], NOON)

    changed = (
        f"{fed_store.path}: event 1 was changed since it was appended; nothing was appended after it. Put the file back from a backup."
    )
    assert str(broken.value) == changed
    assert fed_store.head().position == 1


def test_a_full_disk_stops_the_feed_and_the_next_run_goes_on(fed_store: EventStore, dead_letters: DeadLetters) -> None:
    arrivals = [Arrival(number, "", event(number, data={"eur": 1, "note": "x" * 900})) for number in range(1, 400)]
    with sqlite3.connect(fed_store.path) as con:
        [(pages,)] = con.execute("PRAGMA page_count")
    con.close()
    fed_store._con.execute(f"PRAGMA max_page_count = {pages + 20}")  # what a full disk is to SQLite

    with pytest.raises(EventRefused, match=r"^.*events\.sqlite: nothing was appended; SQLite says: database or disk is full\.$"):
        take(fed_store, "orders.jsonl", arrivals, dead_letters)
    assert ids(fed_store) == []

    fed_store._con.execute("PRAGMA max_page_count = 1000000")
    assert take(fed_store, "orders.jsonl", arrivals, dead_letters).fed == Fed(appended=399)


# Dead letters


def letter(number: int, raw: bytes | str | dict = "raw", reason: str = "not JSON.") -> DeadLetter:
    return DeadLetter("orders.jsonl", number, reason, raw)


def test_a_dead_letter_says_where_why_and_what(dead_letters: DeadLetters) -> None:
    dead_letters.add([letter(1, b"\xff{"), letter(2, {"id": "e1", "time": NOON})])

    first, second = (json.loads(text) for text in dead_letters.path.read_text().splitlines())

    assert first == {"file": "orders.jsonl", "line": 1, "reason": "not JSON.", "raw": "\udcff{"}
    assert first["raw"].encode("utf-8", "surrogateescape") == b"\xff{"
    assert json.loads(second["raw"]) == {"id": "e1", "time": str(NOON)}


def test_a_dead_letter_is_there_once_whatever_its_reason_also_for_another_process(dead_letters: DeadLetters) -> None:
    other = DeadLetters(dead_letters.path)
    dead_letters.add([letter(1), letter(1), letter(2)])
    other.add([letter(1, reason="it is 12:01"), letter(2), letter(2, "other"), letter(3)])
    dead_letters.add([letter(3), letter(1)])

    assert [(one.line, one.text) for one in dead_letters.read()] == [(1, "raw"), (2, "raw"), (2, "other"), (3, "raw")]


def test_half_a_dead_letter_of_a_stopped_process_is_written_anew(dead_letters: DeadLetters) -> None:
    dead_letters.add([letter(1), letter(2)])
    dead_letters.path.write_bytes(dead_letters.path.read_bytes()[:-10])

    DeadLetters(dead_letters.path).add([letter(2), letter(3)])

    assert [one.line for one in dead_letters.read()] == [1, 2, 3]


def test_dead_letters_are_for_their_owner_only(dead_letters: DeadLetters) -> None:
    dead_letters.add([letter(1)])

    assert (dead_letters.path.stat().st_mode & 0o777, dead_letters.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_letters_that_two_add_at_once_are_all_there_once(dead_letters: DeadLetters) -> None:
    def add() -> None:
        mine = DeadLetters(dead_letters.path)
        for number in range(1, 30):
            mine.add([letter(number)])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.line for one in dead_letters.read()) == list(range(1, 30))


# Cursors


def test_a_cursor_is_remembered_by_feed_and_source(fed_store: EventStore) -> None:
    with Cursors(fed_store, "json_lines") as cursors, Cursors(fed_store, "parquet") as others:
        cursors.save("a.jsonl", {"line": 1})
        cursors.save("a.jsonl", {"line": 2})

        assert (cursors.load("a.jsonl"), cursors.load("b.jsonl"), others.load("a.jsonl")) == ({"line": 2}, {}, {})
    assert fed_store.path.with_name("feeds.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_cursor_counts_for_nothing_when_the_store_was_put_back_from_a_backup(fed_store: EventStore, tmp_path: Path) -> None:
    fed_store.append([event(1), event(2)])
    with Cursors(fed_store, "json_lines") as cursors:
        cursors.save("a.jsonl", {"line": 2})

    for restored in ([event(1)], [event(1), event(3)], [event(1), event(3), event(4)]):
        backup = opened(tmp_path / str(restored[-1].id) / "events")
        backup.append(restored)
        fed_store.path.with_name("feeds.sqlite").rename(backup.path.with_name("feeds.sqlite"))
        with Cursors(backup, "json_lines") as cursors:
            assert cursors.load("a.jsonl") == {}
        backup.path.with_name("feeds.sqlite").rename(fed_store.path.with_name("feeds.sqlite"))
        backup.close()

    with Cursors(fed_store, "json_lines") as cursors:
        assert cursors.load("a.jsonl") == {"line": 2}
    assert len(content(fed_store)) == 2
