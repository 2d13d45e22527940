"""Incoming events: checked against their types before the store is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dagmesh.errors import EventRefused
from dagmesh.events.event import Event, NewEvent, canonical, microseconds
from dagmesh.events.event_type import EventType

AHEAD = timedelta(minutes=5)  # how far a producer's clock may be ahead of ours
Types = Mapping[tuple[str, int], EventType]


@dataclass(frozen=True)
class Incoming:
    """An event that may be appended; `data` is its canonical text, `personal` the fields to encrypt."""

    id: str
    type: str
    version: int
    subject: str
    time: int
    data: str
    personal: tuple[str, ...]

    def is_same(self, event: Event) -> bool:
        """Whether the stored event is this one; personal values that were erased since are not compared."""
        erased = {name for name in self.personal if event.data.get(name) is None}
        given, found = (
            canonical({name: value for name, value in data.items() if name not in erased}) for data in (self._values, event.data)
        )
        stored = event.type, event.version, event.subject, microseconds(event.time)
        return (self.type, self.version, self.subject, self.time, given) == (*stored, found)

    @property
    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.data)
        return values


def incoming(event: NewEvent, types: Types, now: datetime) -> Incoming:
    """The event, ready to be appended.

    Raises:
        EventRefused: its type is unknown, or its id, subject, time or data is wrong; the message names it and the path.
    """
    kind = _type(event, types)
    if not event.id or not event.subject:
        raise EventRefused(f"event {event.id!r} ({event.type}): id and subject are given by its producer; got subject {event.subject!r}.")
    if event.time.tzinfo is None:
        raise EventRefused(f"event {event.id}: time {event.time} has no time zone; write it in UTC.")
    if event.time > now + AHEAD:
        ahead = f"time {event.time.isoformat()} is in the future; it is {now.isoformat()}"
        raise EventRefused(f"event {event.id}: {ahead}. See to the producer's clock.")
    fault = kind.fault(event.data)
    if fault:
        raise EventRefused(f"event {event.id} ({event.type} {kind.version}, {event.subject}): {fault}.")
    return Incoming(event.id, event.type, kind.version, event.subject, microseconds(event.time), canonical(event.data), kind.personal)


def _type(event: NewEvent, types: Types) -> EventType:
    versions = {version: kind for (name, version), kind in types.items() if name == event.type}
    if not versions:
        raise EventRefused(f"event {event.id}: unknown type {event.type!r}; register it, or choose {_listed(name for name, _ in types)}.")
    kind = versions.get(event.version or max(versions))
    if kind is None:
        raise EventRefused(f"event {event.id}: {event.type} has no version {event.version}; choose {_listed(map(str, versions))}.")
    return kind


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none yet"
