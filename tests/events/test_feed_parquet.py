"""Parquet files into the store: the payload as text, struct or columns; a row that is no event is a dead letter with its number."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.events.feeding import NOON, PLACED, content, ids

from dagmesh.errors import EventRefused
from dagmesh.events.event_type import EventType
from dagmesh.events.feeds import parquet
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.feeds.parquet import feed_parquet
from dagmesh.events.store import EventStore

MORNING = datetime(2026, 11, 19, 8, tzinfo=UTC)
ANYTHING = EventType("GoodsReceived", 1, {"type": "object", "properties": {}})


def row(number: int, **said: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "type": "OrderPlaced", "subject": f"orders/{number}", "time": MORNING, "data": '{"eur": 1}'} | said


def written(folder: Path, *rows: dict[str, Any], name: str = "orders.parquet", group: int = 1_000) -> Path:
    path = folder / name
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=group)
    return path


def reasons(dead_letters: DeadLetters) -> dict[int, str]:
    return {letter.line: letter.reason for letter in dead_letters.read()}


@pytest.mark.parametrize(
    "payload",
    [{"data": '{"eur": 2.5}'}, {"data": {"eur": 2.5, "note": None}}, {"data": None, "eur": 2.5}, {"eur": Decimal("2.50"), "note": None}],
    ids=["text", "struct", "NULL", "columns"],
)
def test_the_payload_is_text_a_struct_or_the_other_columns(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, payload: dict[str, Any]
) -> None:
    rows = [{name: value for name, value in row(number).items() if name != "data"} | payload for number in (2, 1)]

    result = feed_parquet(fed_store, [written(tmp_path, *rows)], dead_letters, now=NOON)

    if payload.get("data", "") is None:
        assert (result, set(reasons(dead_letters).values())) == (
            Fed(dead=2),
            {"event e1 (OrderPlaced 1, orders/1): data must be object.", "event e2 (OrderPlaced 1, orders/2): data must be object."},
        )
    else:
        assert (result, ids(fed_store)) == (Fed(appended=2), ["e2", "e1"])
        assert [event.data for event in fed_store.read()] == [{"eur": 2.5}] * 2


def test_dates_decimals_lists_and_structs_become_json(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    fed_store.register([ANYTHING])
    data = {
        "due": date(2026, 11, 20),
        "at": MORNING,
        "count": Decimal("12"),
        "eur": Decimal("0.10"),
        "lines": [{"quantity": 2, "note": None}],
    }

    feed_parquet(fed_store, [written(tmp_path, row(1, type="GoodsReceived", data=data))], dead_letters)

    due = {"due": "2026-11-20", "at": "2026-11-19T08:00:00Z"}
    assert next(fed_store.read()).data == due | {"count": 12, "eur": 0.1, "lines": [{"quantity": 2}]}


def test_rows_that_are_no_events_are_dead_letters_with_their_number(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH", 2)
    rows = [
        row(1),
        row(7, data='{"eur": '),
        row(7, id=None),
        row(7, type="OrderLost"),
        row(7, data='{"eur": "two"}'),
        row(7, time=None),
        row(1, data='{"eur": 2}'),
        row(2),
    ]
    path = written(tmp_path, *rows, group=3)

    assert feed_parquet(fed_store, [path], dead_letters, now=NOON) == Fed(appended=2, dead=6)

    assert ids(fed_store) == ["e1", "e2"]
    assert reasons(dead_letters) == {
        2: "data is not JSON: Expecting value: line 1 column 9 (char 8).",
        3: "no id; an event has id, type, subject, time and data.",
        4: "event e7: unknown type 'OrderLost'; register it, or choose OrderPlaced.",
        5: "event e7 (OrderPlaced 1, orders/7): data.eur must be number.",
        6: "no time; an event has id, type, subject, time and data.",
        7: "event e1 is at position 1 with other content; an id belongs to one event for ever.",
    }
    assert {letter.file for letter in dead_letters.read()} == {str(path)}
    assert '"id": "e7"' in next(dead_letters.read()).text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"eur": b"1"}, "data.eur is of type bytes, which JSON has not; write it as text."),
        (
            {"eur": Decimal("0.12345678901234567890")},
            "data.eur 0.12345678901234567890 has more digits than a JSON number keeps; write it as text.",
        ),
    ],
)
def test_values_that_json_has_not_are_dead_letters(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, data: dict, reason: str
) -> None:
    feed_parquet(fed_store, [written(tmp_path, row(1, data=data))], dead_letters)

    assert reasons(dead_letters) == {1: reason}


def test_a_time_without_a_zone_is_a_dead_letter(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    feed_parquet(fed_store, [written(tmp_path, row(1, time=MORNING.replace(tzinfo=None)))], dead_letters)

    assert reasons(dead_letters) == {1: "event e1: time 2026-11-19 08:00:00 has no time zone; write it in UTC."}


def test_a_file_that_is_no_parquet_is_one_dead_letter_and_the_others_go_in(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")

    assert feed_parquet(fed_store, [broken, written(tmp_path, row(1))], dead_letters) == Fed(appended=1, dead=1)

    [letter] = dead_letters.read()
    assert (letter.file, letter.line, letter.reason.startswith("not Parquet: ")) == (str(broken), 1, True)


def test_rows_that_cannot_be_decoded_are_one_dead_letter_and_the_others_go_in(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    path = written(tmp_path, *(row(number) for number in range(1, 7)), group=2)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    damaged = bytearray(path.read_bytes())
    begin = column.dictionary_page_offset
    damaged[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(damaged)

    assert feed_parquet(fed_store, [path], dead_letters) == Fed(appended=4, dead=1)

    assert ids(fed_store) == ["e1", "e2", "e5", "e6"]
    [letter] = dead_letters.read()
    assert letter.line == 3
    assert letter.reason.startswith("rows 3 to the end of row group 1 cannot be read: ")


def test_a_file_read_again_changes_nothing(fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path) -> None:
    path = written(tmp_path, row(1), row(7, id=None), row(2))
    first = feed_parquet(fed_store, [path], dead_letters)

    assert (first, feed_parquet(fed_store, [path], dead_letters)) == (Fed(2, 0, 1), Fed())
    assert feed_parquet(fed_store, [path], dead_letters, again=True) == Fed(0, 2, 1)
    assert feed_parquet(fed_store, [written(tmp_path, row(2), row(3))], dead_letters) == Fed(1, 1, 0)
    assert ids(fed_store) == ["e1", "e2", "e3"]
    assert len(list(dead_letters.read())) == 1


def test_a_feed_that_stopped_goes_on_after_the_rows_it_noted(
    fed_store: EventStore, dead_letters: DeadLetters, tmp_path: Path, broken_cursors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH", 2)
    path = written(tmp_path, *(row(number) for number in range(1, 6)))

    with broken_cursors(fed_store), pytest.raises(EventRefused, match="SQLite says: no space"):
        feed_parquet(fed_store, [path], dead_letters)

    assert feed_parquet(fed_store, [path], dead_letters) == Fed(appended=3, known=2)
    assert len(content(fed_store)) == 5
    assert PLACED.name == next(fed_store.read()).type
