"""What a projection's rows were: as known at a position of the store, or of what had happened by a moment.

Known at: the events that had arrived, whenever they happened. Valid at: the events that had happened, whenever they arrived.
A late event changes what is valid at the moment it tells of, never what was known before it came.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagmesh.events.projections.folding import contributions, fold, newest_day, with_day
from dagmesh.events.projections.rows import rows_sql
from dagmesh.events.projections.state import Definition
from dagmesh.events.store import EventStore
from dagmesh.events.typed import literal, quoted

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Known:
    """Some of a store's events: those up to a position, that happened up to a moment (None: whenever)."""

    position: int
    valid_at: datetime | None = None

    def relations(self, con: duckdb.DuckDBPyConnection, store: EventStore, definition: Definition) -> dict[str, str]:
        """FROM-able events by type."""
        found = definition.relations(con, store, 0, self.position)
        return {name: f"(FROM {sql} WHERE {self.condition})" for name, sql in found.items()}

    @property
    def condition(self) -> str:
        """SQL over an event's time."""
        return "true" if self.valid_at is None else f"time <= TIMESTAMPTZ {literal(self.valid_at.isoformat())}"


def rows_at(
    con: duckdb.DuckDBPyConnection,
    store: EventStore,
    definition: Definition,
    columns: Collection[str],
    position: int | None = None,
    valid_at: datetime | None = None,
    key: Mapping[str, Any] | None = None,
) -> str:
    """FROM-able SQL of a product's rows, folded anew; the things stay in `con` as a temporary table.

    Args:
        con: a connection in UTC.
        store: the domain's events.
        definition: the projection.
        columns: the contract's, in order.
        position: only events up to this one; the head by default.
        valid_at: only events that happened at this moment, which has a time zone, or before.
        key: only rows with these values, by column.
    """
    known = Known(store.head().position if position is None else position, valid_at)
    relations = known.relations(con, store, definition)
    table = f"things_{uuid.uuid4().hex}"
    things_at(con, definition, relations, table)
    rows = rows_sql(definition.projection, columns, table, newest_day(con, relations))
    return f"(FROM ({rows}) WHERE {matching(key or {})})"


def things_at(con: duckdb.DuckDBPyConnection, definition: Definition, relations: Mapping[str, str], table: str) -> None:
    """Fold events, by type, into a temporary table of things with their day."""
    entity = definition.projection.entity
    folded = fold(entity, f"({contributions(entity, relations)})")
    con.execute(f"CREATE TEMP TABLE {table} AS {with_day(entity, definition.day, f'({folded})')}")


def matching(key: Mapping[str, Any]) -> str:
    """SQL that is true of rows with these values, Python's or their texts, by column."""
    return " AND ".join(["true", *(f"{quoted(name)} IS NOT DISTINCT FROM {_value(value)}" for name, value in key.items())])


def _value(value: Any) -> str:
    # A text takes the type of the column it is compared with; a bool's and a moment's are what DuckDB reads too.
    return "NULL" if value is None else literal(str(value))
