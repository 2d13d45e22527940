"""Batches of events of which some may be refused: each is checked by itself, and the rest goes in."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.incoming import Incoming, Types, incoming

Batch = Mapping[int, Incoming]
AT_ONCE = 500  # ids asked for in one query


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: how many events were `appended`, how many `known` before, and why the others were `refused`, by index."""

    appended: int
    known: int
    refused: Mapping[int, EventRefused]


def as_known(con: sqlite3.Connection, events: Sequence[NewEvent], types: Collection[tuple[str, int]]) -> Sequence[NewEvent]:
    """The events; those that say no version and are in the store already have the one they are there with, whatever is registered since."""
    if all(version == 1 for _, version in types):
        return events
    ids, known = [event.id for event in events if event.version is None], dict[str, int]()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        known |= con.execute(f"SELECT id, version FROM events WHERE id IN ({', '.join('?' * len(some))})", some).fetchall()
    return [event._replace(version=known.get(event.id)) if event.version is None else event for event in events]


def checked_each(events: Sequence[NewEvent], types: Types, now: datetime) -> tuple[Batch, dict[int, EventRefused]]:
    """The events that may be appended, and why the others may not, by index."""
    checked: dict[int, Incoming] = {}
    refused: dict[int, EventRefused] = {}
    for index, event in enumerate(events):
        try:
            checked[index] = incoming(event, types, now)
        except EventRefused as refusal:
            refused[index] = refusal
    return checked, refused


def first_of_each_id(batch: Batch) -> tuple[Batch, Batch]:
    """The first event of each id, and those whose id came before."""
    first: dict[str, int] = {}
    again = {index: event for index, event in batch.items() if first.setdefault(event.id, index) != index}
    return ({index: event for index, event in batch.items() if index not in again} if again else batch), again
