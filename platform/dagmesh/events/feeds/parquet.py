"""Parquet files of events into the store: each row once, however often the files are handed over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.feeds.cloudevent import event_of
from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetter, DeadLetters
from dagmesh.events.feeds.feed import BATCH, Arrival, Fed, take
from dagmesh.events.store import EventStore

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_ATTRIBUTES = ("id", "type", "subject", "time", "schemaversion")
_OF_CLOUDEVENTS = ("specversion", "source", "datacontenttype")  # and no payload
Row = Mapping[str, Any]


def feed_parquet(
    store: EventStore, files: Iterable[Path], dead_letters: DeadLetters, *, again: bool = False, now: datetime | None = None
) -> Fed:
    """What came of the files: their events in the store, other rows among the dead letters, by row number from 1.

    The columns are id, type, subject (text) and time (a timestamp with a zone, or text in ISO 8601); the payload is `data`, JSON as
    text or a struct, or else every other column. NULL in a struct or a column is a field that is not there. Decimals become
    numbers, dates and timestamps text in ISO 8601. A file that did not change since is not opened.

    Args:
        store: where events go.
        files: in the order in which their events get positions.
        dead_letters: where the rest goes; a file that is no Parquet, and rows that cannot be decoded, are one letter.
        again: read all files, for example when a type was registered since.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        FileNotFoundError: a file is missing; those before it are in the store.
        EventRefused: the store cannot be written; the next run goes on from there.
    """
    fed = Fed()
    with Cursors(store, "parquet") as cursors:
        for given in files:
            path = given.resolve()
            status = path.stat()
            before, seen = cursors.load(str(path)), [status.st_size, status.st_mtime_ns]
            begin = before.get("row", 0) if before.get("seen") == seen and not again else 0
            if begin is not None:
                for row, taken in _taken(store, path, begin, dead_letters, now):
                    fed += taken
                    cursors.save(str(path), {"seen": seen, "row": row})
                cursors.save(str(path), {"seen": seen, "row": None})  # read to its end
    return fed


def _taken(store: EventStore, path: Path, begin: int, dead_letters: DeadLetters, now: datetime | None) -> Iterator[tuple[int, Fed]]:
    """How far the file was read, and what came of it since the last time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        yield 0, _unreadable(path, 1, f"not Parquet: {error}.", dead_letters)
        return
    with file:
        first = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if first + size > begin:
                yield from _taken_of_group(store, path, file, (group, first, begin), dead_letters, now)
            first += size


def _taken_of_group(
    store: EventStore, path: Path, file: pq.ParquetFile, place: tuple[int, int, int], dead_letters: DeadLetters, now: datetime | None
) -> Iterator[tuple[int, Fed]]:
    import pyarrow as pa

    group, row, begin = place
    rows = file.iter_batches(BATCH, row_groups=[group])
    while True:
        try:
            batch = next(rows, None)
        except (pa.ArrowException, OSError) as error:
            end = f"rows {row + 1} to the end of row group {group} cannot be read: {error}."
            yield row, _unreadable(path, row + 1, end, dead_letters)
            return
        if batch is None:
            return
        numbered = enumerate(batch.to_pylist(), row + 1)
        row += batch.num_rows
        if row > begin:
            yield row, take(store, str(path), [_arrival(number, values) for number, values in numbered], dead_letters, now).fed


def _unreadable(path: Path, row: int, reason: str, dead_letters: DeadLetters) -> Fed:
    dead_letters.add([DeadLetter(str(path), row, reason, "")])
    return Fed(dead=1)


def _arrival(number: int, row: Row) -> Arrival:
    return Arrival(number, row, _event(row))


def _event(row: Row) -> NewEvent | EventRefused:
    try:
        said = {name: row[name] for name in _ATTRIBUTES if row.get(name) is not None}
        return event_of({**said, "data": _data(row)})
    except EventRefused as refusal:
        return refusal


def _data(row: Row) -> Any:
    """The payload as JSON has it."""
    if "data" not in row:
        return _json("data", {name: value for name, value in row.items() if name not in (*_ATTRIBUTES, *_OF_CLOUDEVENTS)})
    if not isinstance(row["data"], str):
        return _json("data", row["data"])
    try:
        return json.loads(row["data"])
    except (ValueError, RecursionError) as error:
        raise EventRefused(f"data is not JSON: {error}.") from error


def _json(path: str, value: Any) -> Any:
    """A value of a column in the form that JSON has for it."""
    if isinstance(value, dict):
        return {name: _json(f"{path}.{name}", of) for name, of in value.items() if of is not None}
    if isinstance(value, list):
        return [_json(f"{path}[{number}]", of) for number, of in enumerate(value)]
    if isinstance(value, date | time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return _number(path, value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise EventRefused(f"{path} is of type {type(value).__name__}, which JSON has not; write it as text.")


def _number(path: str, value: Decimal) -> int | float:
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise EventRefused(f"{path} {value} has more digits than a JSON number keeps; write it as text.")
    return number
