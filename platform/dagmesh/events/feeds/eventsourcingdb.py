"""An EventSourcingDB into the store: its events are observed through the official client, from where the feed ended the last time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Arrival, Fed, take
from dagmesh.events.store import EventStore

if TYPE_CHECKING:
    from eventsourcingdb import Client, Event

_VERSION = re.compile(r"v([1-9][0-9]{0,8})\Z")


@dataclass(frozen=True)
class EventSourcingDB:
    """Where the events are.

    Args:
        url: https://esdb.example:3000.
        token: the API token.
        name: what its events are called here: event 17 gets the id `<name>-17`, for a database counts its events from 0 as others do.
        subject: only events of this subject and those below it.
        batch: how many events are appended and noted at once.
        patience_s: the feed ends when nothing came for so many seconds.
    """

    url: str
    token: str
    name: str = "esdb"
    subject: str = "/"
    batch: int = 1_000
    patience_s: float = 2.0


def feed_eventsourcingdb(store: EventStore, source: EventSourcingDB, dead_letters: DeadLetters, *, now: datetime | None = None) -> Fed:
    """What came of the events since the last time: in the store, or among the dead letters when their type or data is not known here.

    `com.example.shop.OrderPlaced.v2` is version 2 of OrderPlaced here, `/orders/4711` is orders/4711. An event whose hash is not the
    one that the database gave it is a dead letter. Needs the extra `eventsourcingdb`.

    Args:
        store: where events go.
        source: the database.
        dead_letters: where the rest goes; `line` is the event's id, counted from 1.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        eventsourcingdb.CustomError: the database cannot be read, or an answer is not understood.
        EventRefused: the store cannot be written; the next run goes on from there.
    """
    return asyncio.run(_feed(store, source, dead_letters, now))


async def _feed(store: EventStore, source: EventSourcingDB, dead_letters: DeadLetters, now: datetime | None) -> Fed:
    from eventsourcingdb import Client

    fed, place = Fed(), f"{source.url}{source.subject}"
    with Cursors(store, "eventsourcingdb") as cursors:
        async with Client(source.url, source.token) as client:
            async for events in _batches(_observed(client, source, cursors.load(place).get("id")), source):
                arrivals = [Arrival(int(event.event_id) + 1, event.to_json(), _event(event, source)) for event in events]
                fed += take(store, place, arrivals, dead_letters, now).fed
                cursors.save(place, {"id": events[-1].event_id})
    return fed


def _observed(client: Client, source: EventSourcingDB, last: str | None) -> AsyncGenerator[Event, None]:
    from eventsourcingdb import Bound, BoundType, ObserveEventsOptions

    since = None if last is None else Bound(last, BoundType.EXCLUSIVE)
    return client.observe_events(source.subject, ObserveEventsOptions(recursive=True, lower_bound=since))


async def _batches(events: AsyncGenerator[Event, None], source: EventSourcingDB) -> AsyncIterator[list[Event]]:
    """The events as they come, until none came for a while."""
    batch: list[Event] = []
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=source.patience_s)
            event = coming.result() if done else None
            if event is not None:
                batch.append(event)
                coming = asyncio.ensure_future(anext(events, None))
            if batch and (event is None or len(batch) == source.batch):
                yield batch
                batch = []
            elif event is None:
                return
            if event is None and done:
                return
    finally:
        coming.cancel()
        await asyncio.wait({coming})
        await events.aclose()


def _event(event: Event, source: EventSourcingDB) -> NewEvent | EventRefused:
    from eventsourcingdb import HashVerificationFailedError

    try:
        event.verify_hash()
    except HashVerificationFailedError:
        return EventRefused(f"event {event.event_id} of the database: its hash is not that of its content; it was changed since.")
    *_, before, last = ["", *event.type.split(".")]
    version = _VERSION.match(last) if before else None
    kind = before if version else last
    happened_at = event.time.replace(tzinfo=event.time.tzinfo or UTC)  # the database says it in UTC, the client (2.2) drops the Z
    subject, id_ = event.subject.lstrip("/"), f"{source.name}-{event.event_id}"
    return NewEvent(id_, kind, subject, happened_at, event.data, int(version[1]) if version else None)
