"""How far feeds came, remembered beside the store: what is lost here is only read again."""

from __future__ import annotations

import json
import sqlite3
from types import TracebackType
from typing import Any, Self

from dagmesh.errors import EventRefused
from dagmesh.events.store import EventStore

_TABLE = """
CREATE TABLE IF NOT EXISTS cursors(
    feed TEXT NOT NULL,
    source TEXT NOT NULL,
    cursor TEXT NOT NULL,
    position INTEGER NOT NULL,  -- the store's head when it was noted
    hash BLOB NOT NULL,
    PRIMARY KEY (feed, source)
) STRICT
"""


class Cursors:
    """The cursors of one feed into a store, in `feeds.sqlite` beside it.

    A cursor never runs ahead of the store: it is noted after the append, and one that was noted for events that the store does not
    have, because it was put back from a backup, counts for nothing.
    """

    def __init__(self, store: EventStore, feed: str) -> None:
        self._store, self._feed = store, feed
        self._path = store.path.with_name("feeds.sqlite")
        self._path.touch(mode=0o600, exist_ok=True)
        self._con = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        self._con.execute("PRAGMA journal_mode=WAL")
        self._con.execute("PRAGMA synchronous=NORMAL")  # the newest cursors may be lost with the power, then events are read again
        self._con.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._con.close()

    def load(self, source: str) -> dict[str, Any]:
        """The cursor of a source; empty when there is none, or the store does not have what it stands for."""
        found = "SELECT cursor, position, hash FROM cursors WHERE feed = ? AND source = ?"
        row = self._con.execute(found, (self._feed, source)).fetchone()
        if row is None or not self._has(*row[1:]):
            return {}
        cursor: dict[str, Any] = json.loads(row[0])
        return cursor

    def save(self, source: str, cursor: dict[str, Any]) -> None:
        """Remember how far a source was read."""
        head = self._store.head()
        values = self._feed, source, json.dumps(cursor), head.position, head.hash
        try:
            self._con.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)", values)
        except sqlite3.DatabaseError as error:
            not_noted = f"{self._path}: how far {source} was read is not noted; SQLite says: {error}."
            raise EventRefused(f"{not_noted} Nothing is lost; run the feed again.") from error

    def _has(self, position: int, hashed: bytes) -> bool:
        if position > self._store.head().position:
            return False
        event = next(self._store.read(after=position - 1, until=position), None)
        return event is None or event.hash == hashed
