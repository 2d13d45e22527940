"""Batches of events of which some may be refused: each is checked by itself, and the rest goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.incoming import Incoming, Types, incoming

Batch = Mapping[int, Incoming]


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: how many events were `appended`, how many `known` before, and why the others were `refused`, by index."""

    appended: int
    known: int
    refused: Mapping[int, EventRefused]


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
