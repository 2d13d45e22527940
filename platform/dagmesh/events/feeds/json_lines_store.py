"""JSON-lines files of CloudEvents into the store: each line once, however often and in whatever order the files are handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from dagmesh.errors import EventRefused
from dagmesh.events.feeds.cloudevent import event_of_json
from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Arrival, Fed, batches, take
from dagmesh.events.feeds.json_lines import CLOSED, MAX_LINE_BYTES
from dagmesh.events.store import EventStore

_KEPT_OF_LONG = 1_000
_TAIL = 4_096
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Export:
    """How many different events a file announced in its line ExportClosed (None: it has no such line), and how many arrived.

    `ids` is the same for the same events, in whatever order: the sum of their ids' hashes.
    """

    announced: int | None
    arrived: int
    ids: int = field(default=0, compare=False)

    @property
    def completeness(self) -> float:
        """The share that arrived, from 0 to 1; 1 when nothing was announced."""
        return min(1.0, self.arrived / self.announced) if self.announced else 1.0


@dataclass(frozen=True)
class FedExports:
    """What came of the files together, and of each."""

    fed: Fed
    exports: Mapping[Path, Export]


class _Line(NamedTuple):
    number: int
    end: int  # of the line, in bytes from the start of the file
    text: bytes
    is_whole: bool
    fault: str = ""


@dataclass
class _Progress:
    """How far a file was read: after `line` lines at byte `position`; `seen` is its size and time when it was read to its end."""

    position: int = 0
    line: int = 0
    tail: str = ""
    announced: int | None = None
    arrived: int = 0
    ids: int = 0
    seen: list[int] = field(default_factory=list)


def feed_json_lines(
    store: EventStore, files: Iterable[Path], dead_letters: DeadLetters, *, again: bool = False, now: datetime | None = None
) -> FedExports:
    """What came of the files: their events in the store, other lines among the dead letters. Blank lines count for nothing.

    A file that did not change since is not opened, one that grew is read from where it ended; a last line without a line feed is read
    again when the file grows.

    Args:
        store: where events go.
        files: in the order in which their events get positions; each line is a CloudEvent in JSON, or closes the export:
            {"type": "ExportClosed", "data": {"events": 1000}}.
        dead_letters: where the rest goes.
        again: read all files from their start, for example when a type was registered since.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        FileNotFoundError: a file is missing; those before it are in the store.
        EventRefused: the store cannot be written; the next run goes on from there.
    """
    fed, exports = Fed(), {}
    with Cursors(store, "json_lines") as cursors:
        for path in files:
            reading = _Reading(store, path.resolve(), dead_letters, cursors, now)
            progress = reading.run(again=again)
            fed += reading.fed
            exports[path] = Export(progress.announced, progress.arrived, progress.ids)
    return FedExports(fed, exports)


class _Reading:
    """The reading of one file."""

    def __init__(self, store: EventStore, path: Path, dead_letters: DeadLetters, cursors: Cursors, now: datetime | None) -> None:
        self._store, self._path, self._dead_letters, self._cursors, self._now = store, path, dead_letters, cursors, now
        self.fed = Fed()

    def run(self, *, again: bool) -> _Progress:
        """How far it came."""
        before = _Progress(**self._cursors.load(str(self._path)))
        status = self._path.stat()
        seen = [status.st_size, status.st_mtime_ns]
        if before.seen == seen and not again:
            return before
        with self._path.open("rb") as file:
            goes_on = not again and before.announced is None and before.tail == _tail(file, before.position)
            progress = self._read(file, before if goes_on else _Progress())
            if goes_on and before.position and progress.announced is not None:
                first, self.fed = self.fed, Fed()
                progress = self._read(file, _Progress())  # different events are counted over the whole file
                self.fed = Fed(first.appended + self.fed.appended, self.fed.known - first.appended, self.fed.dead)
        progress.seen = seen
        self._cursors.save(str(self._path), vars(progress))
        return progress

    def _read(self, file: BinaryIO, progress: _Progress) -> _Progress:
        file.seek(progress.position)
        counted, ids = progress.arrived, set[str]()
        for lines in batches(_lines(file, progress)):
            arrivals, announced = _arrivals(lines)
            taken = take(self._store, str(self._path), arrivals, self._dead_letters, self._now)
            self.fed += taken.fed
            new = set(taken.ids) - ids
            ids |= new
            progress.arrived = counted + len(ids)
            progress.ids = (progress.ids + sum(map(_hash, new))) % 2**64
            progress.announced = progress.announced if announced is None else announced
            self._note(file, progress, [line for line in lines if line.is_whole])
        return progress

    def _note(self, file: BinaryIO, progress: _Progress, whole: list[_Line]) -> None:
        if whole:
            progress.line, progress.position = whole[-1].number, whole[-1].end
            after = file.tell()
            progress.tail = _tail(file, progress.position)
            file.seek(after)
        self._cursors.save(str(self._path), vars(progress))


def _lines(file: BinaryIO, progress: _Progress) -> Iterator[_Line]:
    """The lines that are not blank, without what ends them."""
    number, end = progress.line, progress.position
    while text := file.readline(MAX_LINE_BYTES):
        number, end, is_whole, fault = number + 1, end + len(text), text.endswith(b"\n"), ""
        if not is_whole and len(text) == MAX_LINE_BYTES:
            end, is_whole = end + _skipped(file), True
            text, fault = text[:_KEPT_OF_LONG], f"longer than {MAX_LINE_BYTES:,} bytes; its first {_KEPT_OF_LONG:,} are kept here."
        elif not is_whole:
            fault = "cut off: it is no JSON and no line feed ends it; it is read again when the file grows."
        if number == 1:
            text = text.removeprefix(_BOM)
        if text := text.strip(b" \t\r\n"):
            yield _Line(number, end, text, is_whole, fault)


def _skipped(file: BinaryIO) -> int:
    """How many bytes the rest of the line has, now passed over."""
    size = 0
    while text := file.readline(MAX_LINE_BYTES):
        size += len(text)
        if text.endswith(b"\n"):
            break
    return size


def _arrivals(lines: Iterable[_Line]) -> tuple[list[Arrival], int | None]:
    """What the lines hold, and how many events the export announces where it is closed."""
    arrivals, announced = [], None
    for line in lines:
        said, event = event_of_json(line.text)
        if isinstance(said, dict) and said.get("type") == CLOSED:
            announced = _announced(said)
            if announced is not None:
                continue
            event = EventRefused(f"{CLOSED} does not say in data.events how many events the file holds.")
        elif line.fault and isinstance(event, EventRefused):
            event = EventRefused(line.fault)
        arrivals.append(Arrival(line.number, line.text, event))
    return arrivals, announced


def _announced(closing: Mapping[str, Any]) -> int | None:
    data = closing.get("data")
    count = data.get("events") if isinstance(data, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _hash(id: str) -> int:
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest())


def _tail(file: BinaryIO, position: int) -> str:
    """What the file says before a position, as a hash: a file that was replaced says something else."""
    if position == 0:
        return ""
    file.seek(max(0, position - _TAIL))
    return hashlib.blake2b(file.read(min(position, _TAIL)), digest_size=16).hexdigest()
