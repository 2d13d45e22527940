"""Incoming events: checked against their types before the store is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from dagmesh.errors import EventRefused
from dagmesh.events.event import Event, NewEvent, canonical, microseconds
from dagmesh.events.event_type import EventType

AHEAD = timedelta(minutes=5)  # how far a producer's clock may be ahead of ours
DEEPEST = 100  # what is nested much deeper may be written, and then not be read by who is deep in calls
EARLIEST = microseconds(datetime.min.replace(tzinfo=UTC))
Types = Mapping[tuple[str, int | None], EventType]


class Incoming(NamedTuple):
    """An event that may be appended; `data` is its canonical text, `personal` the fields to encrypt."""

    id: str
    type: str
    version: int
    subject: str
    time: int
    data: str
    personal: tuple[str, ...]

    @property
    def stored(self) -> tuple[str, int, str, int, str]:
        """Type, version, subject, time and data as the store has them, when nothing is encrypted."""
        return self.type, self.version, self.subject, self.time, self.data

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


def with_newest(types: Mapping[tuple[str, int], EventType]) -> Types:
    """The types, and under version None the newest version of each."""
    found: dict[tuple[str, int | None], EventType] = {}
    for (name, version), kind in sorted(types.items()):
        found[name, version] = found[name, None] = kind
    return found


def incoming(event: NewEvent, types: Types, now: datetime) -> Incoming:
    """The event, ready to be appended.

    Args:
        event: what a producer hands over.
        types: what `with_newest` gives.
        now: no event is after this moment, by more than five minutes.

    Raises:
        EventRefused: its type is unknown, or its id, subject, time or data is wrong; the message names it and the path.
    """
    kind = types.get((event.type, event.version)) or _unknown(event, types)
    if not event.id or not event.subject:
        raise EventRefused(f"event {event.id!r} ({event.type}): id and subject are given by its producer; got subject {event.subject!r}.")
    if event.time.tzinfo is None:
        raise EventRefused(f"event {event.id}: time {event.time} has no time zone; write it in UTC.")
    if event.time > now + AHEAD:
        ahead = f"time {event.time.isoformat()} is in the future; it is {now.isoformat()}"
        raise EventRefused(f"event {event.id}: {ahead}. See to the producer's clock.")
    time = microseconds(event.time)
    if time < EARLIEST:
        raise EventRefused(f"event {event.id}: time {event.time.isoformat()} is before year 1 in UTC, where time begins.")
    fault = kind.fault(event.data)
    if fault:
        raise EventRefused(f"event {event.id} ({event.type} {kind.version}, {event.subject}): {fault}.")
    return Incoming(event.id, event.type, kind.version, event.subject, time, _text(event), kind.personal)


def _text(event: NewEvent) -> str:
    """The data's canonical text, when it and the rest of the event can be written down."""
    try:
        data = canonical(event.data)
        if not (data.isascii() and event.id.isascii() and event.subject.isascii()):
            f"{data}{event.id}{event.subject}".encode()
    except (ValueError, RecursionError) as error:  # NaN, half of a surrogate pair, a thousand lists in each other
        named = event.id.encode(errors="replace").decode()
        raise EventRefused(f"event {named}: its id, subject or data cannot be written as JSON in UTF-8 ({error}).") from error
    if data.count("[") + data.count("{") > DEEPEST and _is_deeper(event.data, DEEPEST):
        raise EventRefused(f"event {event.id}: its data is nested deeper than {DEEPEST} levels; write the innermost as text.")
    return data


def _is_deeper(value: Any, levels: int) -> bool:
    inside = [value]
    for _ in range(levels):
        inside = [
            below for one in inside if isinstance(one, Mapping | list) for below in (one.values() if isinstance(one, Mapping) else one)
        ]
    return any(isinstance(one, Mapping | list) for one in inside)


def _unknown(event: NewEvent, types: Types) -> NoReturn:
    versions = [version for name, version in types if name == event.type and version]
    if not versions:
        raise EventRefused(f"event {event.id}: unknown type {event.type!r}; register it, or choose {_listed(name for name, _ in types)}.")
    raise EventRefused(f"event {event.id}: {event.type} has no version {event.version}; choose {_listed(map(str, versions))}.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none yet"
