"""The event types that a store takes, kept in its own file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from dagmesh.events.event_type import EventType, is_new

Types = Mapping[tuple[str, int], EventType]


def registered(con: sqlite3.Connection, known: Types) -> Types:
    """Every type that is registered, by name and version; `known` are those that were read before, and types never change."""
    rows = con.execute("SELECT name, version, schema FROM event_types").fetchall()
    if len(rows) == len(known):
        return known
    return {(name, version): EventType(name, version, json.loads(schema)) for name, version, schema in rows}


def register(con: sqlite3.Connection, types: Iterable[EventType], known: Types) -> Types:
    """Every type that is registered, now with these.

    Raises:
        EventRefused: a version that is registered already says something else, or the version before is missing.
    """
    found = dict(registered(con, known))
    for kind in types:
        if is_new(kind, found):
            con.execute("INSERT INTO event_types VALUES (?, ?, ?)", (kind.name, kind.version, json.dumps(kind.schema, sort_keys=True)))
            found[kind.name, kind.version] = kind
    return found
