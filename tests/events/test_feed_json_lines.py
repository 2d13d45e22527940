"""JSON-lines files into the store: late, doubled, out of order, cut off or broken, each event is there once and nothing is lost."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.events.feeding import NOON, PLACED, cloudevent, content, ids, line

from dagmesh.errors import EventRefused
from dagmesh.events.feeds import json_lines_store
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.feeds.json_lines_store import Export, feed_json_lines
from dagmesh.events.store import EventStore

CLOSED = '{"type": "ExportClosed", "data": {"events": %d}}\n'


def written(folder: Path, *lines: str, name: str = "orders.jsonl", mode: str = "w") -> Path:
    path = folder / name
    with path.open(mode, encoding="utf-8", newline="") as file:
        file.writelines(lines)
    return path


def reasons(dead_letters: DeadLetters) -> dict[int, str]:
    return {letter.line: letter.reason for letter in dead_letters.read()}


def test_the_lines_of_a_file_are_events_in_their_order(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(3), "\n", line(1), line(2).replace("\n", "\r\n"), CLOSED % 3)

    result = feed_json_lines(fed_store, [path], dead_letters, now=NOON)

    assert (result.fed, result.exports) == (Fed(appended=3), {path: Export(announced=3, arrived=3)})
    assert ids(fed_store) == ["e3", "e1", "e2"]
    assert not dead_letters.path.exists()


def test_lines_that_are_no_events_are_dead_letters_and_the_rest_goes_in(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    late = (NOON + timedelta(hours=1)).isoformat()
    broken = {
        '{"id": "e7"': "not JSON: Expecting ',' delimiter: line 1 column 12 (char 11).",
        '{"id": "e7"} {}': "not JSON: more follows at character 13.",
        "[1]": "a list is no event; write an object with id, type, subject, time and data.",
        line(7, id=None): "id None is no text.",
        '{"id": "e7", "type": "OrderPlaced", "data": {}}': "no subject and no time; an event has id, type, subject, time and data.",
        line(7, id=""): "event '' (OrderPlaced): id and subject are given by its producer; got subject 'orders/7'.",
        line(7, subject=""): "event 'e7' (OrderPlaced): id and subject are given by its producer; got subject ''.",
        line(7, type="OrderLost"): "event e7: unknown type 'OrderLost'; register it, or choose OrderPlaced.",
        line(7, eur="two"): "event e7 (OrderPlaced 1, orders/7): data.eur must be number.",
        line(7, data=None): "event e7 (OrderPlaced 1, orders/7): data must be object.",
        line(7, time="soon"): "time 'soon' is no moment; write it as 2026-11-19T08:00:00Z.",
        line(7, time="2026-11-19"): "event e7: time 2026-11-19 00:00:00 has no time zone; write it in UTC.",
        line(7, time=late): f"event e7: time {late} is in the future; it is 2026-11-19T12:00:00+00:00. See to the producer's clock.",
        line(7, schemaversion="1"): "schemaversion '1' is no whole number.",
        line(1, eur=2): "event e1 is at position 1 with other content; an id belongs to one event for ever.",
        '{"type": "ExportClosed"}': "ExportClosed does not say in data.events how many events the file holds.",
    }
    path = written(tmp_path, line(1), *(text.rstrip("\n") + "\n" for text in broken), line(2))

    result = feed_json_lines(fed_store, [path], dead_letters, now=NOON)

    assert result.fed == Fed(appended=2, dead=len(broken))
    assert ids(fed_store) == ["e1", "e2"]
    assert reasons(dead_letters) == dict(enumerate(broken.values(), 2))
    assert [letter.text for letter in dead_letters.read()] == [text.rstrip("\n") for text in broken]
    assert {letter.file for letter in dead_letters.read()} == {str(path)}


def test_bytes_that_are_no_text_and_lines_that_are_too_long_are_dead_letters(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines_store, "MAX_LINE_BYTES", 2_000)
    path = tmp_path / "orders.jsonl"
    long = line(8, data={"eur": 1, "note": "x" * 5_000})
    path.write_bytes(b"\xef\xbb\xbf" + line(1).encode() + b'{"id": "\xff"}\n' + long.encode() + b"[" * 1_900 + b"\n" + line(2).encode())

    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed(appended=2, dead=3)

    assert ids(fed_store) == ["e1", "e2"]
    found = reasons(dead_letters)
    assert found[2] == "not UTF-8: byte 9 of the line."
    assert found[3] == "longer than 2,000 bytes; its first 1,000 are kept here."
    assert found[4].startswith("not JSON: ")
    assert [len(letter.text) for letter in dead_letters.read()] == [11, 1_000, 1_900]


def test_a_file_read_again_changes_nothing(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), "broken\n", line(2), CLOSED % 3)
    first = feed_json_lines(fed_store, [path], dead_letters)

    unchanged = feed_json_lines(fed_store, [path], dead_letters)
    again = feed_json_lines(fed_store, [path], dead_letters, again=True)

    assert (first.fed, unchanged.fed, again.fed) == (Fed(2, 0, 1), Fed(), Fed(0, 2, 1))
    assert first.exports == unchanged.exports == again.exports == {path: Export(3, 2)}
    assert ids(fed_store) == ["e1", "e2"]
    assert reasons(dead_letters).keys() == {2}
    assert len(list(dead_letters.read())) == 1


def test_a_file_that_did_not_change_is_not_opened(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1))
    feed_json_lines(fed_store, [path], dead_letters)
    before = path.stat()
    written(tmp_path, line(2))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed()


def test_a_file_that_grew_is_read_from_where_it_ended(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), "broken\n", line(2))
    feed_json_lines(fed_store, [path], dead_letters)

    written(tmp_path, line(3), "broken\n", mode="a")

    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed(appended=1, dead=1)
    assert [letter.line for letter in dead_letters.read()] == [2, 5]


def test_a_file_that_was_replaced_is_read_from_its_start(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), line(2))
    feed_json_lines(fed_store, [path], dead_letters)

    written(tmp_path, line(4), line(5), line(6))

    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed(appended=3)


def test_a_last_line_that_is_still_being_written_is_read_when_it_is_whole(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    path = written(tmp_path, line(1), line(2)[:20])
    first = feed_json_lines(fed_store, [path], dead_letters)

    written(tmp_path, line(2)[20:], "broken\n", mode="a")
    second = feed_json_lines(fed_store, [path], dead_letters)

    assert (first.fed, second.fed) == (Fed(appended=1, dead=1), Fed(appended=1, dead=1))
    assert reasons(dead_letters)[2] == "cut off: it is no JSON and no line feed ends it; it is read again when the file grows."
    assert reasons(dead_letters).keys() == {2, 3}


def test_a_last_line_without_a_line_feed_counts(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), line(2).rstrip())

    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed(appended=2)


def test_completeness_counts_different_events_of_the_whole_file(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), line(1), line(2))
    feed_json_lines(fed_store, [path], dead_letters)
    written(tmp_path, line(2), "broken\n", CLOSED % 4, mode="a")

    result = feed_json_lines(fed_store, [path], dead_letters)

    assert result.exports[path] == Export(announced=4, arrived=2)
    assert result.exports[path].completeness == 0.5
    assert result.fed == Fed(appended=0, known=4, dead=1)


def test_an_export_that_announces_nothing_is_complete() -> None:
    assert (Export(None, 3).completeness, Export(0, 0).completeness, Export(2, 3).completeness) == (1, 1, 1)


def test_after_a_type_is_registered_its_lines_go_in_when_the_files_are_read_again(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    path = written(tmp_path, line(1, type="OrderPaid"))
    feed_json_lines(fed_store, [path], dead_letters)

    fed_store.register([type(PLACED)("OrderPaid", 1, PLACED.schema)])

    assert feed_json_lines(fed_store, [path], dead_letters, again=True).fed == Fed(appended=1)


def test_a_missing_file_stops_the_feed_after_those_before_it(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        feed_json_lines(fed_store, [written(tmp_path, line(1)), tmp_path / "none.jsonl"], dead_letters)

    assert ids(fed_store) == ["e1"]


def test_a_crash_between_append_and_cursor_doubles_nothing(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, broken_cursors: object
) -> None:
    path = written(tmp_path, line(1), "broken\n", line(2), CLOSED % 2)

    with broken_cursors(fed_store), pytest.raises(EventRefused) as refusal:
        feed_json_lines(fed_store, [path], dead_letters)

    assert str(refusal.value) == (
        f"{fed_store.path.with_name('feeds.sqlite')}: how far {path} was read is not noted; SQLite says: no space. "
        "Nothing is lost; run the feed again."
    )
    assert feed_json_lines(fed_store, [path], dead_letters).fed == Fed(appended=0, known=2, dead=1)
    assert len(content(fed_store)) == 2
    assert len(list(dead_letters.read())) == 1


def test_a_cloudevent_of_the_store_is_a_line_for_another(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, line(1, specversion="1.0", source="elsewhere"))
    feed_json_lines(fed_store, [path], dead_letters)

    copied = written(tmp_path, json.dumps(next(fed_store.read()).to_cloudevent()) + "\n", name="copy.jsonl")

    assert feed_json_lines(fed_store, [copied], dead_letters).fed == Fed(known=1)
    assert cloudevent(1)["id"] == next(fed_store.read()).id
