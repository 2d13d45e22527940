"""JSON-lines exports: every event once, in UTC, by the day of hand-over; every line that is none, set aside with why."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagmesh.events.feeds.json_lines import MAX_LINE_BYTES, Export, read_json_lines
from dagmesh.lake.lake import Lake
from dagmesh.lake.quarantine import write_quarantine

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


def event(number: object, **changed: Any) -> bytes:
    """One event as a line without its end."""
    values = {"id": f"e{number}", "type": "Sold", "subject": "c1", "time": "2026-11-16T12:00:00Z", "data": {"eur": number}}
    return json.dumps({name: value for name, value in (values | changed).items() if value is not None}).encode()


def closed(events: int) -> bytes:
    return json.dumps({"type": "ExportClosed", "data": {"events": events}}).encode()


@dataclass
class Exports:
    """A folder of exports and the connection that reads them."""

    folder: Path
    con: duckdb.DuckDBPyConnection

    def write(self, day: date | str, *lines: bytes, end: bytes = b"\n") -> None:
        self.write_bytes(day, b"".join(line + end for line in lines))

    def write_bytes(self, day: date | str, content: bytes) -> None:
        (self.folder / f"{day}.jsonl").write_bytes(content)

    def read(self, *days: date, name: str = "{day}", data: dict[str, str] | None = None, closed: bool = False) -> Export:
        fields = {"eur": "BIGINT"} if data is None else data
        return read_json_lines(self.con, f"{self.folder}/{name}.jsonl", days, fields, closed=closed)


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    folder = tmp_path / "it's a folder, v1.0 (day)"
    folder.mkdir()
    con = Lake(str(tmp_path / "lake"), tmp_path / "home").connect()
    yield Exports(folder, con)
    con.close()


def numbers(export: Export) -> list[tuple]:
    return sorted(export.rows.project("day, eur").fetchall())


def rejected(export: Export) -> list[tuple]:
    return sorted(export.rejected.project("line, reason").fetchall())


def test_an_event_is_a_row_of_the_day_it_was_handed_over(exports: Exports) -> None:
    exports.write(TUESDAY, event(7, time="2026-11-16T12:00:00Z"), closed(1))

    export = exports.read(TUESDAY)

    assert export.rows.columns == ["day", "event_id", "type", "subject", "occurred_at", "eur"]
    assert export.rows.fetchall() == [(TUESDAY, "e7", "Sold", "c1", NOON, 7)]


def test_rows_of_several_days_carry_each_its_day(exports: Exports) -> None:
    exports.write(MONDAY, event(1))
    exports.write(TUESDAY, event(2), event(3))

    assert numbers(exports.read(MONDAY, TUESDAY)) == [(MONDAY, 1), (TUESDAY, 2), (TUESDAY, 3)]


def test_one_file_without_a_day_has_rows_without_one(exports: Exports) -> None:
    exports.write("all", event(1), b"{", closed(2))

    export = exports.read(name="all")

    assert export.rows.columns == ["event_id", "type", "subject", "occurred_at", "eur"]
    assert export.rows.fetchall() == [("e1", "Sold", "c1", NOON, 1)]
    assert export.rejected.fetchall() == [(None, "{", "not JSON")]
    assert export.arrived == {None: 0.5}


def test_the_day_may_stand_in_the_path_more_than_once(exports: Exports) -> None:
    (exports.folder / "2026-11-16").mkdir()
    exports.write("2026-11-16/2026-11-16", event(1))

    assert numbers(exports.read(MONDAY, name="{day}/{day}")) == [(MONDAY, 1)]


def test_the_payload_is_read_in_the_types_asked_for(exports: Exports) -> None:
    data = {"eur": "1.10", "on": "2026-11-16", "tags": ["a", "b"], "events": "all", "left out": 1}
    exports.write(MONDAY, event(1, data=data))
    asked = {"eur": "DECIMAL(18, 2)", "on": "DATE", "tags": "VARCHAR[]", "lines": "STRUCT(sku VARCHAR, n BIGINT)[]", "events": "VARCHAR"}

    row = exports.read(
        MONDAY, data={name: kind.replace("DECIMAL(18, 2)", "DECIMAL(18,2)") for name, kind in asked.items() if name != "lines"}
    )

    assert row.rows.project('eur::VARCHAR, "on", tags, events').fetchall() == [("1.10", MONDAY, ["a", "b"], "all")]


def test_a_field_that_is_missing_or_of_another_type_is_null(exports: Exports) -> None:
    exports.write(MONDAY, event(1, data={"eur": "much"}), event(2, data={}), event(3, data=None))

    assert numbers(exports.read(MONDAY)) == [(MONDAY, None)] * 3


def test_no_payload_may_be_asked_for(exports: Exports) -> None:
    exports.write(MONDAY, event(1))

    assert exports.read(MONDAY, data={}).rows.columns == ["day", "event_id", "type", "subject", "occurred_at"]


# Times


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-16T12:00:00Z",
        "2026-11-16T14:00:00+02:00",
        "2026-11-16T07:00:00-05:00",
        "2026-11-16T17:30:00+05:30",
        "2026-11-17T02:00:00+14:00",
        "2026-11-16T12:00:00.000000Z",
        "2026-11-16 12:00:00+00",
        "2026-11-16T12:00:00",
    ],
)
def test_every_offset_is_turned_into_utc(exports: Exports, time: str) -> None:
    exports.write(MONDAY, event(1, time=time))

    assert exports.read(MONDAY).rows.project("occurred_at").fetchall() == [(NOON,)]


def test_fractions_of_a_second_are_kept_to_the_microsecond(exports: Exports) -> None:
    exports.write(MONDAY, event(1, time="2026-11-16T12:00:00.123456+00:00"))

    assert exports.read(MONDAY).rows.project("occurred_at").fetchall() == [(NOON.replace(microsecond=123456),)]


# What is no event


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"sold 3 shoes", "not JSON"),
        (b"{'id': 'e1'}", "not JSON"),
        (event(1) + b" " + event(2), "not JSON"),
        (b'{"id": "a\x00b"}', "not JSON"),
        (b'{"id": "a\x01b"}', "not JSON"),
        (b"null", "not JSON"),
        (b"[]", "no type"),
        (b"1", "no type"),
        (b'"Sold"', "no type"),
        (b"{}", "no type"),
        (event(1, type=None), "no type"),
        (event(1, id=None), "no id"),
        (event(1, time=None), "no time"),
        (event(1, time=""), "no time"),
        (event(1, time="yesterday"), "no time"),
        (event(1, time="2026-13-01T00:00:00Z"), "no time"),
        (event(1, time="infinity"), "no time"),
    ],
)
def test_a_line_that_is_no_event_is_set_aside_with_why(exports: Exports, line: bytes, reason: str) -> None:
    exports.write(MONDAY, event(7), line, event(8))

    export = exports.read(MONDAY)

    assert export.rejected.fetchall() == [(MONDAY, line.decode(), reason)]
    assert numbers(export) == [(MONDAY, 7), (MONDAY, 8)]


def test_the_line_that_closes_an_export_is_neither_event_nor_rejected(exports: Exports) -> None:
    exports.write(MONDAY, event(1), closed(1))

    export = exports.read(MONDAY)

    assert (numbers(export), rejected(export)) == ([(MONDAY, 1)], [])


@pytest.mark.parametrize("line", [b'{"id": "\xff\xfe"}', '{"id": "é"}'.encode("latin-1"), b"\x80", b'{"id": "\xed\xa0\x80"}'])
def test_bytes_that_are_not_utf8_spoil_their_line_and_no_other(exports: Exports, line: bytes) -> None:
    exports.write(MONDAY, event(7), line, event(8), closed(2))

    export = exports.read(MONDAY)

    ((day, text, reason),) = export.rejected.fetchall()
    assert (day, reason) == (MONDAY, "not UTF-8")
    assert "?" in text
    assert numbers(export) == [(MONDAY, 7), (MONDAY, 8)]
    assert export.arrived == {MONDAY: 1.0}


def test_an_export_in_another_encoding_is_set_aside_line_by_line(exports: Exports) -> None:
    exports.write(MONDAY, *(f'{{"id": "Käse {n}"}}'.encode("latin-1") for n in range(3000)))

    assert exports.read(MONDAY).rejected.aggregate("reason, count(*)").fetchall() == [("not UTF-8", 3000)]


def test_bad_bytes_are_told_of_the_right_day(exports: Exports) -> None:
    exports.write(MONDAY, event(1), b"\xff")
    exports.write(TUESDAY, event(2), b"\xfe", b"\xfd")

    assert sorted(exports.read(MONDAY, TUESDAY).rejected.project("day, reason").fetchall()) == [
        (MONDAY, "not UTF-8"),
        (TUESDAY, "not UTF-8"),
        (TUESDAY, "not UTF-8"),
    ]


def test_characters_of_every_length_come_through(exports: Exports) -> None:
    exports.write(MONDAY, json.dumps({"id": "é€😀", "type": "Sold", "time": "2026-11-16T12:00:00Z"}, ensure_ascii=False).encode())

    assert exports.read(MONDAY).rows.project("event_id").fetchall() == [("é€😀",)]


def test_a_long_line_is_read(exports: Exports) -> None:
    exports.write(MONDAY, event(1, subject="x" * 3_000_000), event(2))

    assert sorted(exports.read(MONDAY).rows.project("eur, length(subject)").fetchall()) == [(1, 3_000_000), (2, 2)]


def test_a_line_without_end_is_set_aside_and_does_not_stop_the_day(exports: Exports) -> None:
    exports.write(MONDAY, event(1), b"x" * (MAX_LINE_BYTES + 1), event(2), closed(2))

    export = exports.read(MONDAY)

    ((day, line, reason),) = export.rejected.fetchall()
    assert (day, set(line), reason) == (MONDAY, {"x"}, "too long")
    assert (numbers(export), export.arrived) == ([(MONDAY, 1), (MONDAY, 2)], {MONDAY: 1.0})


def test_rejected_lines_are_read_on_another_connection_too(exports: Exports, tmp_path: Path) -> None:
    exports.write(MONDAY, b"{", b"\xff")

    export = exports.read(MONDAY)

    letters = tmp_path / "letters" / "a.parquet"
    assert write_quarantine(exports.con.cursor(), export.rejected, letters) == 2
    assert sorted(duckdb.sql(f"SELECT line, reason FROM '{letters}'").fetchall()) == [("?", "not UTF-8"), ("{", "not JSON")]


# Lines and files


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_may_end_as_on_windows(exports: Exports, end: bytes) -> None:
    exports.write(MONDAY, event(1), event(2), b"{", closed(2), end=end)

    export = exports.read(MONDAY)

    assert (numbers(export), rejected(export)) == ([(MONDAY, 1), (MONDAY, 2)], [("{", "not JSON")])
    assert export.arrived == {MONDAY: 1.0}


def test_lines_of_one_file_may_end_in_both_ways(exports: Exports) -> None:
    exports.write_bytes(MONDAY, event(1) + b"\r\n" + event(2) + b"\n" + event(3) + b"\r\n" + closed(3))

    export = exports.read(MONDAY)

    assert (numbers(export), rejected(export), export.arrived) == ([(MONDAY, 1), (MONDAY, 2), (MONDAY, 3)], [], {MONDAY: 1.0})


def test_the_last_line_needs_no_end(exports: Exports) -> None:
    exports.write_bytes(MONDAY, event(1) + b"\n" + event(2))

    assert numbers(exports.read(MONDAY)) == [(MONDAY, 1), (MONDAY, 2)]


def test_a_byte_order_mark_is_no_part_of_the_first_event(exports: Exports) -> None:
    exports.write_bytes(MONDAY, b"\xef\xbb\xbf" + event(1) + b"\n")

    assert numbers(exports.read(MONDAY)) == [(MONDAY, 1)]


def test_blank_lines_count_for_nothing(exports: Exports) -> None:
    exports.write_bytes(MONDAY, b"\n\n" + event(1) + b"\n  \t\n\r\n" + event(2) + b"\n\n")

    export = exports.read(MONDAY)

    assert (numbers(export), rejected(export)) == ([(MONDAY, 1), (MONDAY, 2)], [])


def test_quotes_and_backslashes_mean_what_json_says(exports: Exports) -> None:
    exports.write(MONDAY, event(1, subject="say \"hi\"\\, 'you'\n"), b'"' + event(2) + b'"')

    export = exports.read(MONDAY)

    assert export.rows.project("subject").fetchall() == [("say \"hi\"\\, 'you'\n",)]
    assert [reason for _, reason in rejected(export)] == ["not JSON"]


def test_an_empty_file_has_no_events(exports: Exports) -> None:
    exports.write_bytes(MONDAY, b"")

    export = exports.read(MONDAY)

    assert (numbers(export), rejected(export), export.arrived) == ([], [], {MONDAY: 1.0})


def test_a_day_without_a_file_has_not_arrived(exports: Exports) -> None:
    exports.write(MONDAY, event(1))

    with pytest.raises(FileNotFoundError) as refusal:
        exports.read(MONDAY, TUESDAY, WEDNESDAY)

    assert str(refusal.value) == f"{exports.folder}/2026-11-17.jsonl has not arrived (2 of 3 exports are missing)."


def test_one_file_without_a_day_that_is_missing_has_not_arrived(exports: Exports) -> None:
    with pytest.raises(FileNotFoundError, match=r"all\.jsonl has not arrived \(1 of 1 exports are missing\)\."):
        exports.read(name="all")


# Duplicates


def test_an_event_handed_over_twice_in_one_file_counts_once(exports: Exports) -> None:
    exports.write(MONDAY, event(1), event(2), event(1))

    assert numbers(exports.read(MONDAY)) == [(MONDAY, 1), (MONDAY, 2)]


def test_an_event_handed_over_again_the_next_day_belongs_to_the_first(exports: Exports) -> None:
    exports.write(MONDAY, event(1), event(2))
    exports.write(TUESDAY, event(2), event(3))

    assert numbers(exports.read(MONDAY, TUESDAY)) == [(MONDAY, 1), (MONDAY, 2), (TUESDAY, 3)]


def test_a_day_read_alone_does_not_repeat_the_day_before(exports: Exports) -> None:
    exports.write(MONDAY, event(1), event(2))
    exports.write(TUESDAY, event(2), event(3))

    assert numbers(exports.read(TUESDAY)) == [(TUESDAY, 3)]
    assert numbers(exports.read(MONDAY)) == [(MONDAY, 1), (MONDAY, 2)]


def test_lines_of_the_day_before_are_not_rejected_again(exports: Exports) -> None:
    exports.write(MONDAY, b"{", b"\xff")
    exports.write(TUESDAY, event(1), b"[")

    assert exports.read(TUESDAY).rejected.fetchall() == [(TUESDAY, "[", "not JSON")]


def test_a_broken_copy_of_an_event_does_not_hide_the_good_one(exports: Exports) -> None:
    exports.write(MONDAY, event(1, time="never"), event(2, time="never"), event(2))
    exports.write(TUESDAY, event(1))

    assert numbers(exports.read(MONDAY, TUESDAY)) == [(MONDAY, 2), (TUESDAY, 1)]


# Announced and arrived


@pytest.mark.parametrize(
    ("lines", "announced", "share"),
    [
        ([event(1), event(2)], 2, 1.0),
        ([event(1), event(2)], 4, 0.5),
        ([event(1), event(1)], 2, 0.5),
        ([event(1), b"{", b"\xff"], 3, 1 / 3),
        ([event(1), event(2)], 1, 1.0),
        ([], 5, 0.0),
        ([], 0, 1.0),
    ],
)
def test_the_share_that_arrived_is_of_the_events_announced(exports: Exports, lines: list[bytes], announced: int, share: float) -> None:
    exports.write(MONDAY, *lines, closed(announced))

    assert exports.read(MONDAY).arrived == {MONDAY: pytest.approx(share)}


def test_an_export_that_announces_nothing_is_taken_as_it_is(exports: Exports) -> None:
    exports.write(MONDAY, event(1))

    assert exports.read(MONDAY).arrived == {MONDAY: 1.0}


@pytest.mark.parametrize("lines", [[], [event(1)], [event(1), b'{"type": "ExportClo']], ids=["empty", "cut", "cut in the last line"])
def test_of_a_source_that_closes_its_exports_one_that_is_not_closed_has_not_arrived(exports: Exports, lines: list[bytes]) -> None:
    exports.write_bytes(MONDAY, b"\n".join(lines))
    exports.write(TUESDAY, event(2), closed(1))
    exports.write(WEDNESDAY, closed(0))

    assert exports.read(MONDAY, TUESDAY, WEDNESDAY, closed=True).arrived == {MONDAY: 0.0, TUESDAY: 1.0, WEDNESDAY: 1.0}


def test_each_day_has_its_own_share(exports: Exports) -> None:
    exports.write(MONDAY, event(1), closed(2))
    exports.write(TUESDAY, event(2), closed(1))
    exports.write(WEDNESDAY, b"{")

    assert exports.read(MONDAY, TUESDAY, WEDNESDAY).arrived == {MONDAY: 0.5, TUESDAY: 1.0, WEDNESDAY: 1.0}
