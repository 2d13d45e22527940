"""A domain's event store of any length for benchmarks: orders that are placed, paid, shipped and delivered, some cancelled or returned.

The rows are written into SQLite past `append`, which would take minutes: same table, same chain, triggers and indexes made
when the store is opened again. Segments are sealed by the platform. An order is placed every ten seconds, so a longer history
reaches further back in time and days are of one size.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagmesh.events.declared import Declared
from dagmesh.events.event import GENESIS, NewEvent, canonical, chain_hash, microseconds
from dagmesh.events.feeds.feed import batches
from dagmesh.events.segments import MOST, seal
from dagmesh.events.signing import Signer
from dagmesh.events.store import EventStore

SOURCE = "orders"
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=10)
# Type, and how many orders after its own it happens: at once, after five minutes, five hours, two days.
STEPS = (("OrderPlaced", 0), ("PaymentReceived", 30), ("OrderShipped", 2_000), ("OrderDelivered", 17_000))
CATEGORIES = ("books", "garden", "kitchen", "toys", "music", "sports", "office", "food")
Row = tuple[int, str, str, str, int, str, int, str, bytes, bytes]


def events(count: int) -> Iterator[NewEvent]:
    """So many events in the order in which they arrive; about one in four is a placing."""
    made = order = 0
    while made < count:
        steps = [(kind, order - later) for kind, later in STEPS if order >= later]
        if order % 40 == 0 and order >= 100:
            steps.append(("OrderReturned" if order % 80 else "OrderCancelled", order - 100))
        for kind, number in steps[: count - made]:
            yield event(kind, number, BEGAN + order * EVERY)
        made, order = made + len(steps), order + 1


def arrivals(about: str, orders: int, chance: random.Random, count: int = 1_000) -> list[NewEvent]:
    """Events that come after a history of so many orders.

    Args:
        about: "old": returns of any orders; "recent": new orders, and what happens to the newest ones.
        orders: how many there are.
        chance: of ids, and of old orders.
        count: how many events.
    """
    moment = BEGAN + orders * EVERY
    if about == "old":
        made = [event("OrderReturned", chance.randrange(orders), moment) for _ in range(count)]
    else:
        first = orders + chance.randrange(10**8)
        made = [event(kind, (first if later == 0 else orders - later) + i, moment) for i in range(count // 4) for kind, later in STEPS]
    return [new._replace(id=f"{new.id}-{chance.getrandbits(64):x}") for new in made]


def event(kind: str, order: int, moment: datetime) -> NewEvent:
    """What happens to an order at a moment."""
    return NewEvent(f"{kind}-{order:010d}", kind, f"order/o{order:010d}", moment, _data(kind, order))


def customer(order: int) -> str:
    """Who placed the order: one of 200,000, some more often than others."""
    return f"c-{(order * 2_654_435_761 % 2**32) ** 2 // 2**32 * 200_000 // 2**32:06d}"


def _data(kind: str, order: int) -> dict[str, object]:
    said: dict[str, object] = {"order_id": f"o{order:010d}"}
    cents = 500 + order * 7_919 % 20_000
    if kind == "OrderPlaced":
        lines = [
            {"sku": f"sku-{item % 5_000}", "category": CATEGORIES[item % 8], "quantity": 1, "unit_price_eur": _eur(cents)}
            for item in range(order, order + 1 + order % 3)
        ]
        channel = ("web", "web", "app", "store")[order % 4]
        return said | {"customer_id": customer(order), "channel": channel, "lines": lines, "total_eur": _eur(cents * len(lines))}
    if kind == "PaymentReceived":
        return said | {"amount_eur": _eur(cents * (1 + order % 3)), "method": ("card", "ideal", "invoice")[order % 3]}
    if kind == "OrderReturned":
        return said | {"amount_eur": _eur(cents)}
    return said | {"reason": "changed mind"} if kind == "OrderCancelled" else said


def _eur(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def make(folder: Path, count: int, declared: Declared, key: Signer, tail: int = 0, most: int = MOST) -> None:
    """A store of so many events in a folder, all but the last `tail` of them sealed, at most so many in a segment."""
    store = EventStore(folder, SOURCE)
    store.register(declared.types.values())
    store.close()
    con = sqlite3.connect(folder / "events.sqlite", isolation_level=None)
    for what in ("TRIGGER events_come_one_after_the_other", "INDEX events_by_subject", "INDEX events_by_type"):
        con.execute(f"DROP {what}")
    con.execute("PRAGMA synchronous = OFF")
    for rows in batches(_rows(count), 50_000):
        con.execute("BEGIN")
        con.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 10)})", rows)
        con.execute("COMMIT")
    con.close()
    store = EventStore(folder, SOURCE)
    while store.head().position - tail > 0 and seal(store, key, store.head().position - tail, most=most):
        pass
    store.close()


def _rows(count: int) -> Iterator[Row]:
    predecessor = GENESIS
    for position, new in enumerate(events(count), start=1):
        data, time = canonical(new.data), microseconds(new.time)
        hashed = chain_hash(predecessor, position, new.id, SOURCE, new.type, 1, new.subject, time, data)
        yield position, new.id, SOURCE, new.type, 1, new.subject, time, data, predecessor, hashed
        predecessor = hashed
