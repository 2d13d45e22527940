"""The event store of one domain: an SQLite file that only grows, each event chained to the one before by its hash."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.errors import EventRefused, PreconditionFailed
from dagmesh.events.batch import AT_ONCE, Outcome, as_known, checked_each, first_of_each_id
from dagmesh.events.chain import MANY, Row, chained, sound_head
from dagmesh.events.event import Event, Head, NewEvent, canonical, chain_hash, moment
from dagmesh.events.event_type import EventType
from dagmesh.events.incoming import Incoming, incoming, with_newest
from dagmesh.events.narrowing import narrowed
from dagmesh.events.precondition import Precondition
from dagmesh.events.registered_types import Types, register, registered
from dagmesh.events.subject_keys import SubjectKeys
from dagmesh.events.tables import EVENTS, TABLES


class EventStore:
    """The events of a domain, in `folder`: `events.sqlite` and the keys of its subjects, both for its owner only.

    A transaction is on the disk when `append` returns. Any number of processes may read and append.
    """

    def __init__(self, folder: Path, source: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "events.sqlite"
        self.path.touch(mode=0o600, exist_ok=True)
        self.source = source
        self._keys = SubjectKeys(folder / "subject_keys.sqlite")
        self._con = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        self._con.execute("PRAGMA journal_mode=WAL")
        self._con.execute("PRAGMA synchronous=FULL")
        self._con.executescript(TABLES)
        self._types: Types = {}

    @property
    def segments_folder(self) -> Path:
        """Where its sealed segments are."""
        return self.path.parent / "segments"

    def close(self) -> None:
        """Let go of the files."""
        self._con.close()
        self._keys.close()

    def register(self, types: Iterable[EventType]) -> None:
        """Let the store take events of these types.

        Raises:
            EventRefused: a version that is registered already says something else, or the version before is missing.
        """
        with self._transaction():
            self._types = register(self._con, types, self._types)

    def types(self) -> dict[tuple[str, int], EventType]:
        """Every registered type by name and version."""
        self._types = registered(self._con, self._types)
        return dict(self._types)

    def append(self, events: Sequence[NewEvent], expect: Collection[Precondition] = (), now: datetime | None = None) -> list[int]:
        """The positions of the events, all appended or none. One that is there already keeps its position.

        Args:
            events: what happened, in order.
            expect: what must be true of the store, unless every event is there already.
            now: the moment that no event may be after, by more than five minutes; the clock's by default.

        Raises:
            EventRefused: an event's type, data or time is wrong, or its id belongs to another event; the message names it.
            PreconditionFailed: something expected is not true.
        """
        types, now = with_newest(self.types()), now or datetime.now(UTC)
        given: dict[str, Incoming] = {}
        for event in as_known(self._con, events, self._types):
            checked = incoming(event, types, now)
            if given.setdefault(event.id, checked) != checked:
                raise EventRefused(f"event {event.id} is twice in the batch with different content; an id belongs to one event for ever.")
        with self._transaction():
            there, other = self._there(given)
            if other:
                raise next(iter(other.values()))
            if len(there) < len(given):
                self._check(expect)
                self._insert([event for id_, event in given.items() if id_ not in there], there)
        return [there[event.id] for event in events]

    def append_each(self, events: Sequence[NewEvent], now: datetime | None = None) -> Outcome:
        """What became of each event: unlike in `append`, one that is refused does not stop the others. They are on the disk together.

        Args:
            events: what happened, in order.
            now: the moment that no event may be after, by more than five minutes; the clock's by default.
        """
        types = with_newest(self.types())
        pending, refused = checked_each(as_known(self._con, events, self._types), types, now or datetime.now(UTC))
        appended = 0
        with self._transaction():
            while pending:
                given, pending = first_of_each_id(pending)
                there, other = self._there({event.id: event for event in given.values()})
                refused |= {index: other[event.id] for index, event in given.items() if event.id in other}
                new = [event for event in given.values() if event.id not in there and event.id not in other]
                self._insert(new, there)
                appended += len(new)
        return Outcome(appended, len(events) - appended - len(refused), dict(sorted(refused.items())))

    def read(
        self,
        subject: str | None = None,
        *,
        recursive: bool = False,
        after: int = 0,
        until: int | None = None,
        types: Collection[str] | None = None,
        order: Literal["oldest first", "newest first"] = "oldest first",
    ) -> Iterator[Event]:
        """The events, each as it was appended; personal values whose subject was forgotten are None.

        Args:
            subject: only this subject's; None for all.
            recursive: those of subjects below it too: `orders` has `orders/4711`.
            after: only positions after this one.
            until: only positions up to this one.
            types: only these types.
            order: by position.
        """
        where, values = ["position > ?"], [after]
        for condition, given in narrowed(subject, recursive, until, types):
            where.append(condition)
            values += given
        by = "DESC" if order == "newest first" else "ASC"
        self.types()
        for row in self._con.cursor().execute(f"SELECT {EVENTS} FROM events WHERE {' AND '.join(where)} ORDER BY position {by}", values):
            yield self._event(row)

    def observe(self, after: int = 0) -> Iterator[Event]:
        """The events after a position, in order, as far as they are there now; go on from the last one's position."""
        return self.read(after=after)

    def latest(self, type: str, subject: str | None = None) -> Event | None:
        """The newest event of a type (and subject); None when there is none."""
        return next(self.read(subject, types=[type], order="newest first"), None)

    def head(self) -> Head:
        """The newest event's position and hash."""
        row = self._con.execute("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1").fetchone()
        return Head(*row) if row else Head()

    def hash_at(self, position: int) -> bytes | None:
        """The hash of the event at a position; None when there is none."""
        row = self._con.execute("SELECT hash FROM events WHERE position = ?", (position,)).fetchone()
        return bytes(row[0]) if row else None

    def newest_of(self, types: Collection[str]) -> int:
        """The position of the newest event of these types; 0 when there is none."""
        newest = "SELECT max(position) FROM events WHERE type = ?"
        return max((self._con.execute(newest, (name,)).fetchone()[0] or 0 for name in types), default=0)

    def verify(self, after: Head = Head()) -> Head:  # noqa: B008 - a value
        """The head, when every event after the given one is chained to it without a gap or a change.

        Raises:
            ChainBroken: naming the first bad position.
        """
        head = after
        for rows in chained(self._con, self.path, after):
            head = Head(rows[-1][0], rows[-1][-1])
        return head

    def rows(self, after: Head, until: int) -> Iterator[list[Row]]:
        """The events after a head up to a position as they are stored, some thousand at a time; ChainBroken as in `verify`."""
        return chained(self._con, self.path, after, until, MANY)

    def rows_of(self, type: str, after: int, until: int) -> Iterator[list[Row]]:
        """A type's events after a position up to another as they are stored, some thousand at a time; the chain is not looked at."""
        within = "type = ? AND position > ? AND position <= ?"
        found = self._con.cursor().execute(f"SELECT {EVENTS} FROM events WHERE {within} ORDER BY position", (type, after, until))
        while rows := found.fetchmany(MANY):
            yield rows

    def opened(self, subject: str, name: str, value: str) -> Any:
        """A personal value from its encrypted text; None when the subject was forgotten."""
        return self._keys.opened(subject, {name: value}, (name,))[name]

    def forget(self, subject: str, at: datetime) -> bool:
        """Whether the subject's key was there and is now deleted: its personal values are None from now on, the chain holds."""
        return self._keys.forget(subject, at.isoformat())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Everything or nothing, one writer at a time."""
        try:
            self._con.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._con.execute("COMMIT")
            except BaseException:
                if self._con.in_transaction:
                    self._con.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise EventRefused(f"{self.path}: nothing was appended; SQLite says: {error}.") from error

    def _there(self, given: Mapping[str, Incoming]) -> tuple[dict[str, int], dict[str, EventRefused]]:
        """Position of each event that is there already with the same content, and a refusal of each that is there with another."""
        there: dict[str, int] = {}
        other: dict[str, EventRefused] = {}
        ids = list(given)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            for row in self._con.execute(f"SELECT {EVENTS} FROM events WHERE id IN ({', '.join('?' * len(some))})", some):
                new, position, id_ = given[row[1]], row[0], row[1]
                # What is stored of an event without personal fields is its text; what was encrypted is opened to be compared.
                if new.stored == row[3:8] or (new.personal and new.is_same(self._event(row))):
                    there[id_] = position
                else:
                    place = f"event {id_} is at position {position}"
                    other[id_] = EventRefused(f"{place} with other content; an id belongs to one event for ever.")
        return there, other

    def _check(self, expect: Collection[Precondition]) -> None:
        failures = [failure for precondition in expect if (failure := precondition.failure(self._con))]
        if failures:
            raise PreconditionFailed(f"{self.source}: nothing was appended: {' '.join(failures)}")

    def _insert(self, events: Iterable[Incoming], positions: dict[str, int]) -> None:
        """Append the events and note their positions."""
        rows, head = [], sound_head(self._con, self.path)
        position, predecessor = head.position, head.hash
        for new in events:
            position += 1
            data = self._sealed(new) if new.personal else new.data
            hashed = chain_hash(predecessor, position, new.id, self.source, new.type, new.version, new.subject, new.time, data)
            rows.append((position, new.id, self.source, new.type, new.version, new.subject, new.time, data, predecessor, hashed))
            positions[new.id], predecessor = position, hashed
        self._con.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 10)})", rows)

    def _sealed(self, new: Incoming) -> str:
        values = json.loads(new.data).items()
        return canonical({name: self._keys.sealed(new.subject, name, value) if name in new.personal else value for name, value in values})

    def _event(self, row: Row) -> Event:
        position, id_, source, kind, version, subject, time, data, predecessor, hashed = row
        values, personal = json.loads(data), self._types[kind, version].personal
        if personal:
            values = self._keys.opened(subject, values, personal)
        return Event(position, id_, source, kind, version, subject, moment(time), values, predecessor, hashed)
