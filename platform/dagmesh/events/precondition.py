"""Preconditions: what must be true of a store at the moment of an append; else nothing is appended."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Protocol

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


class Precondition(Protocol):
    """Something that is true of a store or not."""

    def failure(self, con: sqlite3.Connection) -> str:
        """Why it is not true, as a sentence; empty when it is."""
        ...


@dataclass(frozen=True)
class Pristine:
    """The subject has no event yet."""

    subject: str

    def failure(self, con: sqlite3.Connection) -> str:
        """Why it is not true, as a sentence; empty when it is."""
        newest = _newest(con, self.subject)
        return f"{self.subject} is not pristine: its newest event is {newest}." if newest else ""


@dataclass(frozen=True)
class Populated:
    """The subject has an event."""

    subject: str

    def failure(self, con: sqlite3.Connection) -> str:
        """Why it is not true, as a sentence; empty when it is."""
        return "" if _newest(con, self.subject) else f"{self.subject} has no event yet."


@dataclass(frozen=True)
class OnEvent:
    """The subject's newest event is the one with this id: nobody was faster."""

    subject: str
    id: str

    def failure(self, con: sqlite3.Connection) -> str:
        """Why it is not true, as a sentence; empty when it is."""
        newest = _newest(con, self.subject)
        return (
            "" if newest == self.id else f"{self.subject} is on event {newest or 'none'}, not on {self.id}; read it again and decide anew."
        )


@dataclass(frozen=True)
class QueryTrue:
    """One SELECT over `events` (position, id, source, type, version, subject, time, data) gives a true value."""

    sql: str

    def failure(self, con: sqlite3.Connection) -> str:
        """Why it is not true, as a sentence; empty when it is."""
        con.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
        try:
            row = con.execute(self.sql).fetchone()
        except sqlite3.DatabaseError as error:
            return f"the query cannot be run ({error}): {self.sql}"
        finally:
            con.set_authorizer(None)
        return "" if row and row[0] else f"the query is not true: {self.sql}"


def _newest(con: sqlite3.Connection, subject: str) -> str | None:
    row = con.execute("SELECT id FROM events WHERE subject = ? ORDER BY position DESC LIMIT 1", (subject,)).fetchone()
    return row[0] if row else None
