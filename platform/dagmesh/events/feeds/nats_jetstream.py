"""A NATS JetStream stream into the store: a message is acknowledged when its event is on the disk, not before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dagmesh.events.feeds.cloudevent import event_of_json
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Arrival, Fed, take
from dagmesh.events.store import EventStore

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext


@dataclass(frozen=True)
class JetStream:
    """Where the messages are.

    Args:
        servers: nats://nats.example:4222, or several.
        stream: the stream's name.
        consumer: the durable consumer of it, made when it is not there; one for each store.
        batch: how many messages are fetched, appended and acknowledged at once.
        patience_s: the feed ends when nothing came for so many seconds.
        redelivered_after_s: the server hands a message over again that was not acknowledged for so long.
    """

    servers: str | Sequence[str]
    stream: str
    consumer: str = "dagmesh"
    batch: int = 1_000
    patience_s: float = 1.0
    redelivered_after_s: float = 30.0


def feed_nats_jetstream(store: EventStore, source: JetStream, dead_letters: DeadLetters, *, now: datetime | None = None) -> Fed:
    """What came of the messages that were not acknowledged yet: events in the store, the rest among the dead letters.

    A message is a CloudEvent in JSON (structured mode). One that is no event is terminated: it is not delivered again. What was
    acknowledged is the store's alone: put a backup of the store back together with the stream's. Needs the extra `nats`.

    Args:
        store: where events go.
        source: the stream.
        dead_letters: where the rest goes; `line` is the message's number in the stream.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        nats.errors.Error: the server or its stream cannot be read.
        EventRefused: the store cannot be written; what was not acknowledged is delivered again.
    """
    return asyncio.run(_feed(store, source, dead_letters, now))


async def _feed(store: EventStore, source: JetStream, dead_letters: DeadLetters, now: datetime | None) -> Fed:
    import nats

    fed = Fed()
    servers = [source.servers] if isinstance(source.servers, str) else list(source.servers)
    client = await nats.connect(servers, max_reconnect_attempts=3, error_cb=_raised_elsewhere)
    try:
        subscription = await _subscription(client.jetstream(), source)
        while messages := await _fetched(subscription, source):
            arrivals = [_arrival(message) for message in messages]
            # In this thread: messages wait, and SQLite's connection belongs to it.
            taken = take(store, f"nats stream {source.stream}", arrivals, dead_letters, now)
            for message, arrival in zip(messages, arrivals, strict=True):
                await (message.term() if arrival.line in taken.dead else message.ack())
            await client.flush()
            fed += taken.fed
    finally:
        await client.close()
    return fed


async def _subscription(stream: JetStreamContext, source: JetStream) -> JetStreamContext.PullSubscription:
    from nats.js.api import AckPolicy, ConsumerConfig

    consumer = ConsumerConfig(
        durable_name=source.consumer,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=source.redelivered_after_s,
        max_ack_pending=source.batch * 2,
    )
    await stream.add_consumer(source.stream, consumer)
    return await stream.pull_subscribe_bind(source.consumer, source.stream)


async def _fetched(subscription: JetStreamContext.PullSubscription, source: JetStream) -> list[Msg]:
    """The next messages; none when the stream stays silent."""
    try:
        return await subscription.fetch(source.batch, timeout=source.patience_s)
    except TimeoutError:  # the client's own is one of these
        return []


def _arrival(message: Msg) -> Arrival:
    return Arrival(message.metadata.sequence.stream, message.data, event_of_json(message.data)[1])


async def _raised_elsewhere(error: Exception) -> None:
    """The client logs what it also raises; a feed raises only."""
