"""Event types: the JSON schema that an event's data keeps, by version, and which of its fields are personal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fastjsonschema

from dagmesh.errors import EventRefused
from dagmesh.events.typed import FORMATS, Field, fields, tightened

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")


@dataclass(frozen=True)
class EventType:
    """One version of an event type.

    Args:
        name: in the past tense, `OrderPlaced`.
        version: 1, 2, 3, ...
        schema: JSON schema (draft 7) of the data, an object with its properties. A property with `"x-pii": true` is personal:
            it is stored encrypted with its subject's key.
    """

    name: str
    version: int
    schema: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise EventRefused(f"event type {self.name!r} is not a name; write it in the past tense, for example OrderPlaced.")
        if self.version < 1:
            raise EventRefused(f"event type {self.name}: version {self.version} is not 1 or more.")
        if self.schema.get("type") != "object" or not isinstance(self.schema.get("properties"), Mapping):
            raise EventRefused(
                f'event type {self.name}: its schema is no object with properties; write {{"type": "object", "properties": ...}}.'
            )
        _ = self.fields, self._check

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The fields of its data by name, each a column where events are read as a table."""
        return fields(f"event type {self.name} {self.version}", self.schema)

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """The names of the personal properties."""
        return tuple(name for name, said in self.schema["properties"].items() if isinstance(said, Mapping) and said.get("x-pii") is True)

    @cached_property
    def _check(self) -> Callable[[Any], Any]:
        try:
            check: Callable[[Any], Any] = fastjsonschema.compile(tightened(self.schema), formats=FORMATS)
        except fastjsonschema.JsonSchemaDefinitionException as error:
            raise EventRefused(f"event type {self.name}: its schema is no JSON schema: {error}.") from error
        return check

    def fault(self, data: Any) -> str:
        """What is wrong with the data, with the path of the fault: `data.lines[0].quantity must be integer`; empty when nothing is."""
        try:
            self._check(data)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.message)
        return ""


def is_new(kind: EventType, known: Mapping[tuple[str, int], EventType]) -> bool:
    """Whether a store that knows these types does not know this one; EventRefused when it must not come to know it."""
    found, named = known.get((kind.name, kind.version)), f"event type {kind.name}"
    if found is None and kind.version > 1 and (kind.name, kind.version - 1) not in known:
        raise EventRefused(f"{named}: version {kind.version} comes before version {kind.version - 1} is registered.")
    if found is not None and dict(found.schema) != dict(kind.schema):
        raise EventRefused(f"{named} {kind.version} is registered with another schema; register it as version {kind.version + 1}.")
    return found is None
