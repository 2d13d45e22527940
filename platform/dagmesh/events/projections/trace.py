"""Traces: a value of a projection's row, calculated step by step, event by event, in the order in which they happened.

A trace reads only the events of the things that the row is made of. It asks the same declaration that a rebuild folds: each
step is what the row would say had nothing happened since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagmesh.events.projections.bitemporal import Known, things_at
from dagmesh.events.projections.state import Definition, State
from dagmesh.events.projections.trace_hashes import verify_hashes
from dagmesh.events.projections.trace_sql import POSITION, STEP, SUBJECT, THING, TYPE, Asked, TraceSql, literals
from dagmesh.events.projections.trace_steps import Step, steps
from dagmesh.events.store import EventStore

if TYPE_CHECKING:
    import duckdb

_FEW = 5_000  # things whose keys are written into the query, so that Parquet's row groups are told apart by them
_DROPPED = ("traced_things", "traced_events", "traced_after", "traced_held")


@dataclass(frozen=True)
class Trace:
    """How a value came to be.

    Args:
        steps: the events that changed it, in the order in which they happened.
        events: how many events were read and their hashes verified: all of the things that are, or were, in the row.
        things: how many things these are.
        known: the events that were looked at.
    """

    steps: tuple[Step, ...]
    events: int
    things: int
    known: Known

    @property
    def there(self) -> bool:
        """Whether there is such a row at the end."""
        return bool(self.steps) and self.steps[-1].there

    @property
    def value(self) -> Any:
        """The value at the end; None also where there is no row."""
        return self.steps[-1].value if self.steps else None


def trace(
    con: duckdb.DuckDBPyConnection,
    store: EventStore,
    definition: Definition,
    asked: Asked,
    state: State | None,
    relations: Mapping[str, str] | None = None,
) -> Trace:
    """How the value came to be.

    Args:
        con: a connection in UTC.
        store: the domain's events.
        definition: the projection.
        asked: the row and its column.
        state: the projection's things, folded up to whatever position; None: they are folded here, which takes longer.
        relations: the events up to the asked position by type, as `definition.relations` gives them, for who traces several values.

    Raises:
        ChainBroken: one of the events was changed since it was appended.
    """
    sql = TraceSql(definition, asked)
    if relations is None:
        relations = definition.relations(con, store, 0, asked.known.position)
    valid = {name: f"(FROM {events} WHERE {asked.known.condition})" for name, events in relations.items()}
    con.execute(f"CREATE OR REPLACE TEMP TABLE traced_things AS {sql.distinct([*_selects(con, store, sql, relations, state)])}")
    of_things = sql.of_things(valid, _wanted(con, sql))
    con.execute(f"CREATE OR REPLACE TEMP TABLE traced_events AS {sql.contributed(of_things)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE traced_after AS {sql.after('traced_events')}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE traced_held AS {sql.held('traced_after')}")
    # What was never in the row has no part in it.
    con.execute(f"DELETE FROM traced_after WHERE {THING} NOT IN (SELECT {THING} FROM traced_after SEMI JOIN traced_held USING ({STEP}))")
    events = con.execute(f"SELECT {POSITION}, {TYPE}, {SUBJECT} FROM traced_after ORDER BY ALL").fetchall()
    verify_hashes(con, store, events)
    [(things,)] = con.execute(f"SELECT count(DISTINCT {THING}) FROM traced_after").fetchall()
    found = Trace(tuple(steps(con, sql, "traced_after", "traced_held")), len(events), things, asked.known)
    for table in _DROPPED:
        con.execute(f"DROP TABLE {table}")
    return found


def _selects(
    con: duckdb.DuckDBPyConnection, store: EventStore, sql: TraceSql, relations: Mapping[str, str], state: State | None
) -> Iterator[str]:
    """SELECTs of the keys of all things that may be in the row.

    Things of the state that is kept are in the row now, or were then; those that the state has other events of than are
    looked at may have been in it too.
    """
    checkpoint = state.checkpoint() if state else None
    if state is None or checkpoint is None:
        valid = {name: f"(FROM {events} WHERE {sql.asked.known.condition})" for name, events in relations.items()}
        con.execute("DROP TABLE IF EXISTS traced_folded")
        things_at(con, sql.definition, valid, "traced_folded")
        yield sql.candidates("traced_folded")
        return
    yield sql.candidates(state.table)
    first, last = sorted((checkpoint.position, sql.asked.known.position))
    if first < last:
        yield sql.touched(sql.definition.relations(con, store, first, last))
    if sql.asked.known.valid_at:
        yield sql.touched({name: f"(FROM {events} WHERE NOT ({sql.asked.known.condition}))" for name, events in relations.items()})


def _wanted(con: duckdb.DuckDBPyConnection, sql: TraceSql) -> str:
    """What the key of an event of the things is in."""
    found = con.table("traced_things")
    if found.shape[0] in range(1, _FEW + 1):
        texts = con.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM traced_things ORDER BY ALL").fetchall()
        return literals(texts, [str(kind) for kind in found.types])
    return f"SELECT {sql.keys if len(found.columns) == 1 else f'({sql.keys})'} FROM traced_things"
