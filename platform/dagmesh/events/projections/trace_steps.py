"""The steps of a trace: what each event of the things contributes to the value, and the value after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dagmesh.events.projections.trace_sql import HELD, POSITION, SAYS, STEP, SUBJECT, THING, TIME, TYPE, TraceSql
from dagmesh.events.projections.trace_values import Held
from dagmesh.model.projection import Folded

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Step:
    """An event that changed the value.

    Args:
        position: the event's.
        time: when it happened, UTC.
        type: its type.
        subject: whom or what it is about.
        contribution: of a count or sum by how much the value changed, of a least or greatest what the thing then has, else in
            words what the event says.
        value: the value after it.
        there: whether there is such a row after it.
    """

    position: int
    time: datetime
    type: str
    subject: str
    contribution: Any
    value: Any
    there: bool


def steps(con: duckdb.DuckDBPyConnection, sql: TraceSql, after: str, held: str) -> Iterator[Step]:
    """The events that change the value, or whether there is a row.

    Args:
        con: where the tables are.
        sql: what is traced.
        after: the table of the things' states after each event.
        held: the table of the values that each of these states gives the row.
    """
    made, kind = sql.made, sql.asked.types[sql.asked.column]
    if isinstance(made, Folded) and made.way in ("count", "sum"):
        every = _summed(con, made.way, kind, after, held)
    else:
        every = _followed(con, made.way if isinstance(made, Folded) else "value", kind, after, held)
    nothing = Step(0, datetime.min, "", "", None, None, False)  # noqa: DTZ901 - before everything
    for before, step in pairwise([nothing, *every]):
        if (before.there, before.value) != (step.there, step.value):
            yield step


def _summed(con: duckdb.DuckDBPyConnection, way: str, kind: str, after: str, held: str) -> Iterator[Step]:
    """A step for each event; what a thing gives is added, and what it gave before taken away."""
    thing, until = f"(PARTITION BY {THING} ORDER BY {STEP})", f"(ORDER BY {STEP})"
    own = f"{POSITION}, {TIME}, {TYPE}, {SUBJECT}"
    rows = con.execute(
        f"WITH parts AS (SELECT {STEP}, count(*) AS rows, {way}({HELD}) AS part FROM {held} GROUP BY {STEP}), "
        f"followed AS (SELECT {own}, {STEP}, {THING}, coalesce(rows, 0) AS rows, coalesce(part, 0) AS part "
        f"FROM {after} LEFT JOIN parts USING ({STEP})), "
        f"changes AS (SELECT *, rows - lag(rows, 1, 0) OVER {thing} AS more, part - coalesce(lag(part) OVER {thing}, 0) AS change "
        "FROM followed) "
        f"SELECT {own}, change, CAST(sum(change) OVER {until} AS {kind}), sum(more) OVER {until} > 0 FROM changes ORDER BY {STEP}"
    )
    for values in rows.fetchall():
        step = Step(*values)
        yield step if step.there else replace(step, value=None)


def _followed(con: duckdb.DuckDBPyConnection, way: str, kind: str, after: str, held: str) -> Iterator[Step]:
    """A step for each event; what a thing gives takes the place of what it gave before."""
    # A number for each value, in DuckDB's order: what is equal, and what is less, is its to say.
    numbered = f"(SELECT *, CASE WHEN {HELD} IS NOT NULL THEN dense_rank() OVER (ORDER BY {HELD}) END AS number FROM {held})"
    value = "NULL" if way == "count_distinct" else f"CAST({HELD} AS {kind})"
    values = dict(con.execute(f"SELECT DISTINCT number, {value} FROM {numbered} WHERE number IS NOT NULL").fetchall())
    rows = con.execute(
        f"WITH parts AS (SELECT {STEP}, list(number) AS numbers FROM {numbered} GROUP BY {STEP}) "
        f"SELECT {POSITION}, {TIME}, {TYPE}, {SUBJECT}, {SAYS}, {THING}, coalesce(numbers, []) "
        f"FROM {after} LEFT JOIN parts USING ({STEP}) ORDER BY {STEP}"
    )
    now = Held(way, values)
    for position, time, name, subject, says, thing, numbers in rows.fetchall():
        contribution = now.replaced(thing, numbers)
        yield Step(position, time, name, subject, says if way == "value" else contribution, now.value, now.there)
