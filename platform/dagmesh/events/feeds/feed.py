"""What every feed does with what arrives: events go into the store, the rest to the dead letters, and nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.feeds.dead_letters import DeadLetter, DeadLetters, Raw
from dagmesh.events.store import EventStore

BATCH = 5_000
T = TypeVar("T")


class Arrival(NamedTuple):
    """Something that arrived: the number of its line, row or message, as it was, and the event that it is or why it is none."""

    line: int
    raw: Raw
    event: NewEvent | EventRefused


@dataclass(frozen=True)
class Fed:
    """What came of it: how many events were `appended`, how many `known` already, and how many things are `dead` letters."""

    appended: int = 0
    known: int = 0
    dead: int = 0

    def __add__(self, other: Fed) -> Fed:
        return Fed(self.appended + other.appended, self.known + other.known, self.dead + other.dead)


@dataclass(frozen=True)
class Taken:
    """A batch that is on the disk: its counts, the ids of its events in the store, and the numbers of its dead letters."""

    fed: Fed
    ids: list[str]
    dead: set[int]


def take(store: EventStore, file: str, arrivals: Sequence[Arrival], dead_letters: DeadLetters, now: datetime | None = None) -> Taken:
    """The batch, taken: whatever in it is an event is in the store, all else is a dead letter; both are on the disk.

    Only after this may a feed note how far it came, or acknowledge a message.

    Args:
        store: where events go.
        file: what the dead letters say that it came from.
        arrivals: in the order in which they arrived.
        dead_letters: where the rest goes.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        EventRefused: the store cannot be written; nothing of the batch was taken.
        ChainBroken: the store was changed behind our back.
    """
    letters = [DeadLetter(file, arrival.line, str(arrival.event), arrival.raw) for arrival in arrivals if _is_refused(arrival)]
    given = [(arrival, arrival.event) for arrival in arrivals if isinstance(arrival.event, NewEvent)]
    outcome = store.append_each([event for _, event in given], now)
    for index, refusal in outcome.refused.items():
        letters.append(DeadLetter(file, given[index][0].line, str(refusal), given[index][0].raw))
    dead_letters.add(sorted(letters, key=lambda letter: letter.line))
    ids = [event.id for index, (_, event) in enumerate(given) if index not in outcome.refused]
    return Taken(Fed(outcome.appended, outcome.known, len(letters)), ids, {letter.line for letter in letters})


def batches(things: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The things in lists of so many."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


def _is_refused(arrival: Arrival) -> bool:
    return isinstance(arrival.event, EventRefused)
