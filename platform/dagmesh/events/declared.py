"""What a domain declares of its events in `<package>/events.py`: the types, and how old versions are lifted."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dagmesh.events.event_type import EventType
from dagmesh.events.upcast import Types, Upcast


@dataclass(frozen=True)
class Declared:
    """A domain's event types, by name and version, and its upcasts."""

    types: Types
    upcasts: tuple[Upcast, ...]


def declared(package: str) -> Declared:
    """Every `dm.EventType` and `dm.upcast` at the top of the domain's events.py, alone or in a list; nothing without that file."""
    name = f"{package}.events"
    found = [*_flat(vars(importlib.import_module(name)).values())] if importlib.util.find_spec(name) else []
    types = {(kind.name, kind.version): kind for kind in found if isinstance(kind, EventType)}
    # By identity: one may be there under two names, and they are not hashable.
    lifts = {id(lift): lift for lift in found if isinstance(lift, Upcast)}
    return Declared(dict(sorted(types.items())), tuple(lifts.values()))


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from (value if isinstance(value, (list, tuple)) else [value])
