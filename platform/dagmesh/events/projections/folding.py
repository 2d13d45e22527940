"""Folding compiled to SQL: events to contributions, contributions to things, things and later events to things.

A table of things has the key, and for each column what must be kept to go on folding: `"<column> at"` beside a first or last,
the moment and position of its event as one number, and `"<column> seen"`, a sorted list, for a count of different values.
The names have a space, so that no column can have them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from dagmesh.events.typed import quoted
from dagmesh.model.projection import Entity, Folded

if TYPE_CHECKING:
    import duckdb

AT = '"happened at"'
# Moments are below 2**53 microseconds; no store has 10**10 events.
_MOMENT = "(epoch_us(time)::HUGEINT * 10000000000 + position)"
DAY = '"its day"'
HASH = '"hash of key"'  # a thing is found by it: eight bytes a thing to look through
_TAKEN = '"taken from event"'


def contributions(entity: Entity, relations: Mapping[str, str], beside: Sequence[str] = ()) -> str:
    """SELECT of a row for each event: the key, when it happened, and what it contributes to each column.

    Args:
        entity: what is folded.
        relations: event type -> FROM-able SQL of its events.
        beside: SQL over an event, each with its name, of what is to be kept of it besides.
    """
    return " UNION ALL ".join(
        f"(SELECT {', '.join([*_contribution(entity, kind), *beside])} FROM {relations[kind]})" for kind in entity.types
    )


def _contribution(entity: Entity, type: str) -> Iterator[str]:
    yield from (f"({sql}) AS {quoted(name)}" for name, sql in entity.key.items())
    yield f"{_MOMENT} AS {AT}"
    for name, folded in entity.columns.items():
        yield f"{f'({folded.on[type]})' if type in folded.on else 'NULL'} AS {quoted(name)}"


def fold(entity: Entity, contributed: str, nested: Collection[str] = ()) -> str:
    """SELECT of a row for each thing that the contributions are about.

    Args:
        entity: what is folded.
        contributed: FROM-able SQL of its contributions.
        nested: columns whose values are lists or structs. DuckDB keeps such values of a group slowly, so a first or last of them is
            taken from its event once that is known.
    """
    keys = [quoted(name) for name in entity.key]
    late = [name for name in nested if entity.columns[name].way in ("first", "last")]
    made = [f"{sql} AS {name}" for column, folded in entity.columns.items() for name, sql in _aggregates(column, folded, column in late)]
    # Not WHERE, nor what DuckDB would make one of: it would compute the keys a second time for it.
    there = f"CASE WHEN count(*) > 0 THEN {' AND '.join(f'{key} IS NOT NULL' for key in keys)} END"
    found = f"SELECT {', '.join([*keys, *made])} FROM {contributed} GROUP BY {', '.join(keys)} HAVING {there}"
    for name in late:
        of_event = f"SELECT {quoted(name)} AS {_TAKEN}, {AT} FROM {contributed}"
        columns = f"f.* REPLACE ({_TAKEN} AS {quoted(name)})"
        found = f"SELECT {columns} FROM ({found}) f LEFT JOIN ({of_event}) e ON e.{AT} = f.{at(name)}"
    return found


def _aggregates(column: str, folded: Folded, is_late: bool) -> Iterator[tuple[str, str]]:
    """What is kept of a column, by name, as an aggregate of contributions."""
    value = quoted(column)
    if folded.way == "count":
        yield value, f"count({value})"
    elif folded.way == "sum":
        yield value, f"coalesce(sum({value}), 0)"
    elif folded.way in ("min", "max"):
        yield value, f"{folded.way}({value})"
    elif folded.way == "count_distinct":
        # Never NULL, as merged: the same things have the same digits, however they were folded.
        yield seen(column), f"coalesce(list_sort(list(DISTINCT {value}) FILTER ({value} IS NOT NULL)), [])"
    else:
        least = "min" if folded.way == "first" else "max"
        yield value, "NULL" if is_late else f"arg_{least}({value}, {AT})"
        yield at(column), f"{least}({AT}) FILTER ({value} IS NOT NULL)"


def merged(entity: Entity, old: str, new: str) -> str:
    """SELECT of the things that `new`, a table of things folded from later arrivals, has, with what `old` has of them."""
    keys = [quoted(name) for name in entity.key]
    columns = [f"{sql} AS {name}" for column, folded in entity.columns.items() for name, sql in _merges(column, folded)]
    return f"SELECT {', '.join([*keys, *columns])} FROM {new} n LEFT JOIN {old} o USING ({', '.join(keys)})"


def _merges(column: str, folded: Folded) -> Iterator[tuple[str, str]]:
    value = quoted(column)
    o, n = f"o.{value}", f"n.{value}"
    if folded.way in ("count", "sum"):
        yield value, f"coalesce({o}, 0) + {n}"
    elif folded.way in ("min", "max"):
        yield value, f"{'least' if folded.way == 'min' else 'greatest'}({o}, {n})"  # NULL where both are
    elif folded.way == "count_distinct":
        name = seen(column)
        yield name, f"list_sort(list_distinct(list_concat(o.{name}, n.{name})))"
    else:
        before, after = f"o.{at(column)}", f"n.{at(column)}"
        sign, least = ("<", "least") if folded.way == "first" else (">", "greatest")
        yield value, f"CASE WHEN {before} IS NULL OR {after} {sign} {before} THEN {n} ELSE {o} END"
        yield at(column), f"{least}({before}, {after})"


def things(entity: Entity, table: str) -> str:
    """SELECT of the things of a table as the declaration's SQL sees them: key and columns, nothing that is only kept."""
    keys = [quoted(name) for name in entity.key]
    columns = [
        f"len({seen(column)}) AS {quoted(column)}" if folded.way == "count_distinct" else quoted(column)
        for column, folded in entity.columns.items()
    ]
    return f"SELECT {', '.join([*keys, *columns])} FROM {table}"


def at(column: str) -> str:
    """The name of the number that says when a first or last happened."""
    return quoted(f"{column} at")


def seen(column: str) -> str:
    """The name of the list of the different values seen."""
    return quoted(f"{column} seen")


def with_day(entity: Entity, day: str | None, table: str) -> str:
    """SELECT of a table of things with the day of each, NULL where `day`, SQL over a thing's columns, is None."""
    if day is None:
        return f"SELECT *, NULL::DATE AS {DAY} FROM {table}"
    keys = ", ".join(quoted(name) for name in entity.key)
    if all(folded.way != "count_distinct" for folded in entity.columns.values()):
        return f"SELECT *, CAST({day} AS DATE) AS {DAY} FROM {table}"
    days = f"SELECT {keys}, CAST({day} AS DATE) AS {DAY} FROM ({things(entity, table)})"
    return f"SELECT t.*, d.{DAY} FROM {table} t JOIN ({days}) d USING ({keys})"


def newest_day(con: duckdb.DuckDBPyConnection, relations: Mapping[str, str]) -> date | None:
    """The UTC day of the newest of the events, on which a window ends; None: there is none."""
    times = " UNION ALL ".join(f"SELECT max(time) AS newest FROM {sql}" for sql in relations.values())
    [(moment,)] = con.execute(f"SELECT max(newest) FROM ({times})").fetchall()
    found: datetime | None = moment
    return found.date() if found else None
