"""What the tests of feeds share: a small domain, and its events as producers hand them over."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagmesh.events.event import NewEvent, canonical
from dagmesh.events.event_type import EventType
from dagmesh.events.feeds.cloudevent import event_of
from dagmesh.events.store import EventStore

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
PLACED = EventType(
    "OrderPlaced", 1, {"type": "object", "properties": {"eur": {"type": "number"}, "note": {"type": "string"}}, "required": ["eur"]}
)


def cloudevent(number: int, eur: float = 1, **said: object) -> dict[str, Any]:
    """An event as a CloudEvent in JSON."""
    stamp = f"2026-11-19T08:{number % 60:02}:00Z"
    return {"id": f"e{number}", "type": "OrderPlaced", "subject": f"orders/{number}", "time": stamp, "data": {"eur": eur}} | said


def line(number: int, eur: float = 1, **said: object) -> str:
    return json.dumps(cloudevent(number, eur, **said)) + "\n"


def event(number: int, eur: float = 1, **said: object) -> NewEvent:
    return event_of(cloudevent(number, eur, **said))


def opened(folder: Path) -> EventStore:
    store = EventStore(folder, "shop/orders")
    store.register([PLACED])
    return store


def content(store: EventStore) -> set[tuple[str, str, str, datetime, str]]:
    """What is in the store, whatever the order, after a look that positions have no gap and the chain holds."""
    events = list(store.read())
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert store.verify() == store.head()
    return {(event.id, event.type, event.subject, event.time, canonical(event.data)) for event in events}


def ids(store: EventStore) -> list[str]:
    return [event.id for event in store.read()]
