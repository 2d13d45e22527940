"""The chain of a store's events, followed link by link: whoever reads them here knows that none was changed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagmesh.errors import ChainBroken
from dagmesh.events.event import DOMAIN, Head, chain_hash
from dagmesh.events.tables import EVENTS

Row = tuple[Any, ...]
AT_ONCE = 256  # so few stay in the processor's cache: a third faster than ten thousand
MANY = 20_000  # where a batch has a cost of its own
MEND = "Put the file back from a backup."


def chained(con: sqlite3.Connection, path: Path, after: Head, until: int | None = None, at_once: int = AT_ONCE) -> Iterator[list[Row]]:
    """The rows after a head, in order and some at a time, each chained to the one before without a gap or a change.

    Args:
        con: a connection to the store.
        path: the store's file, for the error.
        after: the event before the first one.
        until: the last position; None for all.
        at_once: how many rows at a time.

    Raises:
        ChainBroken: naming the first bad position.
    """
    bound = "" if until is None else f"AND position <= {int(until)}"
    found = con.cursor().execute(f"SELECT {EVENTS} FROM events WHERE position > ? {bound} ORDER BY position", (after.position,))
    position, predecessor = after.position, after.hash
    sha256 = hashlib.sha256
    while rows := found.fetchmany(at_once):
        # Once for each of millions of rows: chain_hash written out, nothing looked up that need not be.
        for at, id_, source, kind, version, subject, time, data, before, hashed in rows:
            position += 1
            if at != position or before != predecessor:
                raise _broken(path, position, at)
            said = f"{at} {time} {version} {len(id_)} {len(source)} {len(kind)} {len(subject)} {id_}{source}{kind}{subject}\n{data}"
            if hashed != sha256(DOMAIN + predecessor + said.encode()).digest():
                raise _broken(path, position, at)
            predecessor = hashed
        yield rows


def sound_head(con: sqlite3.Connection, path: Path) -> Head:
    """The head, when its event is as it was appended: nothing is chained to one that was changed."""
    row = con.execute(f"SELECT {EVENTS} FROM events ORDER BY position DESC LIMIT 1").fetchone()
    if row and chain_hash(row[8], *row[:8]) != row[9]:
        changed = f"{path}: event {row[0]} was changed since it was appended; nothing was appended after it. {MEND}"
        raise ChainBroken(changed, position=row[0])
    return Head(row[0], row[9]) if row else Head()


def _broken(path: Path, position: int, found: int) -> ChainBroken:
    what = "was changed since it was appended" if found == position else f"is missing; the next is {found}"
    return ChainBroken(f"{path}: event {position} {what}. {MEND}", position=position)
