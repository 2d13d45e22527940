"""Lifting: events as Python reads them, their data lifted to the newest version of their type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from dagmesh.errors import EventRefused
from dagmesh.events.event import Event, canonical, microseconds
from dagmesh.events.event_type import EventType
from dagmesh.events.segments import add
from dagmesh.events.typed import Shape, quoted, typed_sql
from dagmesh.events.upcast import Types, Upcast, Upcasts, expression


def lifted(event: Event, types: Types, upcasts: Iterable[Upcast] = ()) -> Event:
    """The event with its data in the newest version of its type.

    Raises:
        EventRefused: an upcast is missing or wrong, or gives data that the next version refuses; the message names type, version, field.
    """
    return all_lifted([event], types, Upcasts(types, upcasts))[0]


def all_lifted(events: Sequence[Event], types: Types, upcasts: Upcasts) -> list[Event]:
    """The events, in order, each lifted; for many at once much faster than one by one."""
    made: dict[int, Event] = {}
    by_version = sorted(range(len(events)), key=lambda place: (events[place].type, events[place].version))
    for (kind, version), places in groupby(by_version, key=lambda place: (events[place].type, events[place].version)):
        of_version = list(places)
        found = [events[place] for place in of_version]
        for step in upcasts.steps(kind, version):
            found = _by_function(found, step, types) if step.function else _by_sql(found, step, types)
        made |= zip(of_version, found, strict=True)
    return [made[place] for place in range(len(events))]


def _by_function(events: Iterable[Event], step: Upcast, types: Types) -> list[Event]:
    assert step.function is not None
    old, new = types[step.type, step.from_version], types[step.type, step.from_version + 1]
    given = []
    for event in events:
        try:
            data = step.function(json.loads(canonical(event.data)))
            # What was erased is None where the schema may want a value.
            erased = any(event.data.get(name, "") is None for name in old.personal)
            fault = "" if erased else new.fault(dict(data))
        except Exception as error:
            raise EventRefused(f"{step}: event {event.position}: the upcast failed: {type(error).__name__}: {error}.") from error
        if fault:
            raise EventRefused(f"{step}: event {event.position}: the upcast gives what {new.name} {new.version} refuses: {fault}.")
        given.append(replace(event, version=new.version, data=data))
    return given


def _by_sql(events: Sequence[Event], step: Upcast, types: Types) -> list[Event]:
    old, new = types[step.type, step.from_version], types[step.type, step.from_version + 1]
    values = _values(events, step, old, new) if step.fields else [{}] * len(events)
    kept = [name for name in new.fields if name not in step.fields]
    lifted_data = [
        {name: event.data[name] for name in kept if name in event.data} | more for event, more in zip(events, values, strict=True)
    ]
    return [replace(event, version=new.version, data=data) for event, data in zip(events, lifted_data, strict=True)]


def _values(events: Sequence[Event], step: Upcast, old: EventType, new: EventType) -> list[dict[str, Any]]:
    """What the step's SQL says of each event, as JSON values."""
    import duckdb

    fields = [new.fields[name] for name in step.fields]
    con = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        con.execute("SET TimeZone = 'UTC'")
        add(con, "events", [row(event) for event in events])
        said = ", ".join(f"{expression(step, field, old.fields)} AS {quoted(field.column)}" for field in fields)
        rows = con.execute(f"SELECT {said} FROM ({typed_sql('events', old.fields.values(), sealed=False)}) ORDER BY position").fetchall()
    finally:
        con.close()
    named = [{field.name: as_json(value, field.shape) for field, value in zip(fields, found, strict=True)} for found in rows]
    by_position = dict(zip(sorted(event.position for event in events), named, strict=True))
    return [{name: value for name, value in by_position[event.position].items() if value is not None} for event in events]


def row(event: Event) -> tuple[Any, ...]:
    """The event as a row of a store, its data as it is here: opened and, perhaps, lifted."""
    named = event.position, event.id, event.source, event.type, event.version, event.subject
    return *named, microseconds(event.time), canonical(event.data), event.predecessor, event.hash


def as_json(value: Any, shape: Shape) -> Any:
    """A value of DuckDB as the JSON value that its schema describes."""
    if value is None:
        return None
    if isinstance(shape, list):
        return [as_json(item, shape[0]) for item in value]
    if isinstance(shape, Mapping):
        return {name: as_json(value[name], below) for name, below in shape.items() if value[name] is not None}
    if shape == "JSON":
        return json.loads(value)
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, Decimal) else value
