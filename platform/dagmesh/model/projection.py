"""Projections: the declaration that turns a domain's events into the rows of a data product.

Events are folded into things (an order, a customer), each column of a thing by a `dm.count`, `dm.sum`, ... over events; the
product has a row for each thing, or for each group of them. The platform compiles the one declaration to rebuild, advance
and trace.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Way = Literal["count", "sum", "min", "max", "first", "last", "count_distinct"]
OVER_THINGS = ("count", "sum", "min", "max", "count_distinct")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EACH = re.compile(r"(?P<list>.+?)\s+as\s+(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Events:
    """The events of a domain that one of its feeds brings in: what a parameter annotated `dm.Events` receives.

    A projection only names it. Another product reads `events.of("CampaignSent")`: a DuckDB relation of one type's events,
    with position, subject, time and a column per field, in no order.
    """

    feed: str
    relation_of: Callable[[str], Any] | None = None

    def of(self, type: str) -> Any:
        """The events of a type as a DuckDB relation; only in a product's run or its test."""
        if self.relation_of is None:
            raise TypeError(f"{self.feed}: a projection is declared without its events; name types, as in dm.first({type}=...).")
        return self.relation_of(type)


@dataclass(frozen=True)
class Folded:
    """How a column is made: `on` has SQL over the payload by event type, or, over things, `of` is SQL over their columns.

    An event, or a thing, whose expression is NULL contributes nothing. The sum or count of nothing is 0, all else of nothing NULL.
    """

    way: Way
    on: Mapping[str, str] = field(default_factory=dict)
    of: str | None = None

    def describe(self) -> dict[str, Any]:
        """The column as JSON values."""
        return {"way": self.way, "on": dict(self.on), "of": self.of}


def count(*types: str, **conditions: str) -> Folded:
    """How many events: of these types, or of a type where a condition over its payload is true; without any: how many things.

    placements=dm.count("OrderPlaced"), web_orders=dm.count(OrderPlaced="channel = 'web'")
    """
    conditional = {name: f"CASE WHEN ({condition}) THEN 1 END" for name, condition in conditions.items()}
    on = dict.fromkeys(types, "1") | conditional
    return Folded("count", on, None if on else "1")


def sum(of: str | None = None, /, **on: str) -> Folded:  # noqa: A001 - the field's word
    """The sum of SQL over the payload by event type, `dm.sum(OrderPlaced="total_eur")`, or over things; of integers or decimals."""
    return Folded("sum", on, of)


def min(of: str | None = None, /, **on: str) -> Folded:  # noqa: A001 - the field's word
    """The least value of SQL over the payload by event type, or over things."""
    return Folded("min", on, of)


def max(of: str | None = None, /, **on: str) -> Folded:  # noqa: A001 - the field's word
    """The greatest value of SQL over the payload by event type, or over things."""
    return Folded("max", on, of)


def first(*types: str, **on: str) -> Folded:
    """The value of the event that happened first (of several at once, arrived first): `dm.first(OrderPlaced="customer_id")`."""
    return Folded("first", dict.fromkeys(types, "") | on)


def last(*types: str, **on: str) -> Folded:
    """The value of the event that happened last (of several at once, arrived last)."""
    return Folded("last", dict.fromkeys(types, "") | on)


def count_distinct(of: str | None = None, /, **on: str) -> Folded:
    """How many different values: of SQL over the payload by event type, or over things.

    Of events, each thing keeps its different values: right for some thousands, not for millions.
    """
    return Folded("count_distinct", on, of)


@dataclass(frozen=True)
class Entity:
    """A thing that events are about: its key, and its columns, each folded from events."""

    key: Mapping[str, str]
    columns: Mapping[str, Folded]

    @property
    def types(self) -> list[str]:
        """The event types it is folded from, sorted."""
        return sorted({name for column in self.columns.values() for name in column.on})

    def describe(self) -> dict[str, Any]:
        """The entity as JSON values."""
        return {"key": dict(self.key), "columns": {name: column.describe() for name, column in self.columns.items()}}


def entity(key: str | Mapping[str, str], /, **columns: Folded) -> Entity:
    """A thing that events are about, and what is known of it.

        order = dm.entity("order_id", customer_id=dm.first(OrderPlaced="customer_id"), returns=dm.count("OrderReturned"))

    Args:
        key: the field that names the thing in every event, or name -> SQL over the payload. Events where it is NULL count for nothing.
        columns: each a `dm.count`, `sum`, `min`, `max`, `first`, `last` or `count_distinct` over events.
    """
    return Entity({key: key} if isinstance(key, str) else dict(key), columns)


@dataclass(frozen=True)
class Days:
    """A window: things whose day, SQL over their columns, is among the newest so many; today is the newest event's day."""

    count: int
    day: str


def last_days(count: int, day: str) -> Days:
    """Only things of the last `count` UTC days: `dm.last_days(90, "placed_at")`; the newest event's day is the last one."""
    return Days(count, day)


@dataclass(frozen=True)
class Projection:
    """How a product is made of events; see `projection`."""

    feeds: tuple[str, ...]
    entity: Entity
    columns: Mapping[str, str | Folded]
    by: Mapping[str, str] | None = None
    each: str | None = None
    where: str | None = None
    within: Days | None = None

    @property
    def unnested(self) -> tuple[str, str] | None:
        """The list that `each` takes apart, as SQL, and the name of an element."""
        match = _EACH.match(self.each) if self.each else None
        return (match["list"], match["name"]) if match else None

    def day_of(self, partitioned_by: str | None) -> str | None:
        """SQL, over a thing's columns, of the day that its rows belong to: the window's, or the column the product is partitioned by."""
        if self.within:
            return f"CAST({self.within.day} AS DATE)"
        if partitioned_by is None:
            return None
        made = (self.by or {}).get(partitioned_by, self.columns.get(partitioned_by, partitioned_by))
        return made if isinstance(made, str) else None

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON values."""
        return {
            "feeds": list(self.feeds),
            "entity": self.entity.describe(),
            "columns": {name: made if isinstance(made, str) else made.describe() for name, made in self.columns.items()},
            "by": None if self.by is None else dict(self.by),
            "each": self.each,
            "where": self.where,
            "within": [self.within.count, self.within.day] if self.within else None,
        }

    def definition(self) -> str:
        """Sixteen hexadecimal digits of the declaration: another one, another state."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()[:16]

    def complaints(self) -> Iterator[tuple[str, str]]:
        """Field and message of each mistake that needs no event type to be seen."""
        if not self.feeds:
            yield "projection", "names no events; hand it the parameter annotated dm.Events: dm.projection(order_events, ...)."
        for name in (*self.entity.key, *self.entity.columns, *self.columns, *(self.by or {})):
            if not _IDENTIFIER.match(str(name)):
                yield f"column '{name}'", "is no name of a column; give the key as a mapping of name to SQL."
        if not (self.entity.key and self.entity.columns):
            yield "entity", 'has no key or no columns; write for example dm.entity("order_id", returns=dm.count("OrderReturned")).'
        yield from self._entity_complaints()
        yield from self._column_complaints()
        if self.each and not self.unnested:
            yield "each", f"{self.each!r} is not '<list> AS <name>', for example \"lines AS line\"."
        if self.within and (type(self.within.count) is not int or self.within.count < 1):
            yield "within", f"{self.within.count!r} is not a number of days (1 or more)."

    def _entity_complaints(self) -> Iterator[tuple[str, str]]:
        for name, folded in self.entity.columns.items():
            where = f"entity column '{name}'"
            if name in self.entity.key:
                yield where, "is the key already; leave it out."
            if not (isinstance(folded, Folded) and folded.on and folded.of is None):
                yield where, 'folds no events; write for example dm.first(OrderPlaced="customer_id").'
                continue
            for kind in (kind for kind, sql in folded.on.items() if not sql):
                yield where, f'names {kind} and nothing of it; write dm.{folded.way}({kind}="...") with SQL over its fields.'

    def _column_complaints(self) -> Iterator[tuple[str, str]]:
        for name, made in self.columns.items():
            if name in (self.by or {}):
                yield f"column '{name}'", "is in by and in columns; leave it out of one."
            elif isinstance(made, Folded):
                if self.by is None:
                    yield (
                        f"column '{name}'",
                        "is over several things, and nothing groups them; say by={...}, or fold it in the entity.",
                    )
                elif made.on or made.of is None or made.way not in OVER_THINGS:
                    yield f"column '{name}'", "is over events; fold it in dm.entity(...), and count, sum, min or max things here."
            elif self.by is not None:
                yield f"column '{name}'", f"is one thing's; with by, write dm.sum({made!r}), or put it into by."


def projection(
    *events: Events,
    of: Entity,
    columns: Mapping[str, str | Folded] | None = None,
    by: Mapping[str, str] | None = None,
    each: str | None = None,
    where: str | None = None,
    within: Days | None = None,
) -> Projection:
    """How a product is made of events: what a function annotated `-> dm.Projection` returns.

    Args:
        events: the parameters that name the feeds it waits for.
        of: the thing that events are folded into.
        columns: column of the contract -> SQL over the thing's columns, or with `by` an aggregate of things; columns that
            are called as the thing's need not be said.
        by: the columns that name a group of things -> SQL; without it the product has a row for each thing.
        each: a list of the thing to be taken apart, and the name of an element: "lines AS line".
        where: only things (and elements) of which this SQL is true.
        within: only things of the last so many days: dm.last_days(90, "placed_at").
    """
    if by is not None and not isinstance(by, Mapping):
        raise TypeError(f"by={by!r} is no mapping of columns to SQL; write by={{{by!r}: {by!r}}}.")
    return Projection(tuple(port.feed for port in events), of, dict(columns or {}), None if by is None else dict(by), each, where, within)
