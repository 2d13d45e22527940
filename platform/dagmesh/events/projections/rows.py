"""A product's rows made of things: one for each, or one for each group of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from dagmesh.events.projections.folding import DAY, contributions, fold, things
from dagmesh.events.typed import quoted
from dagmesh.model.projection import Folded, Projection


def rows_sql(
    projection: Projection, columns: Collection[str], table: str, newest: date | None = None, days: Collection[date] | None = None
) -> str:
    """SELECT of a product's rows.

    Args:
        projection: how they are made.
        columns: the contract's, in order.
        table: FROM-able things, with their day where they have one.
        newest: the day of the newest event, on which a window ends.
        days: only rows of things of these days; None for all.
    """
    chosen = f"(FROM {table} WHERE {of_days(projection, newest, days)})"
    elements = elements_sql(projection, f"({things(projection.entity, chosen)})")
    return grouped_sql(projection, columns, f"({elements})")


def whole_sql(projection: Projection, columns: Collection[str], relations: Mapping[str, str]) -> str:
    """SELECT of a product's rows straight from events by type, FROM-able, whatever their days: the declaration as one query."""
    folded = fold(projection.entity, f"({contributions(projection.entity, relations)})")
    return rows_sql(replace(projection, within=None), columns, f"({folded})")


def elements_sql(projection: Projection, seen: str) -> str:
    """SELECT of what rows are made of: the things, or the elements of the list that `each` takes apart, as far as `where` lets them.

    Args:
        projection: how rows are made.
        seen: FROM-able things as the declaration's SQL sees them, and whatever else is to be kept beside them.
    """
    found = f"FROM {seen}"
    if projection.unnested:
        listed, name = projection.unnested
        found = f"FROM (SELECT *, unnest({listed}) AS {quoted(name)} FROM {seen})"
    # A thing whose group is not known is in none.
    wanted = [f"({projection.where or 'true'})", *(f"({sql}) IS NOT NULL" for sql in (projection.by or {}).values())]
    return f"{found} WHERE {' AND '.join(wanted)}"


def grouped_sql(projection: Projection, columns: Collection[str], elements: str) -> str:
    """SELECT of the columns, of each element or of each group of them."""
    made = ", ".join(f"{column_sql(projection, name)} AS {quoted(name)}" for name in columns)
    groups = f" GROUP BY {', '.join(f'({sql})' for sql in projection.by.values())}" if projection.by else ""
    return f"SELECT {made} FROM {elements}{groups}"


def column_sql(projection: Projection, column: str) -> str:
    """SQL of a column of the product over the elements."""
    made = (projection.by or {}).get(column, projection.columns.get(column, quoted(column)))
    return aggregate_sql(made) if isinstance(made, Folded) else f"({made})"


def aggregate_sql(folded: Folded) -> str:
    """SQL of an aggregate of elements."""
    if folded.way == "count_distinct":
        return f"count(DISTINCT {folded.of})"
    return f"coalesce(sum({folded.of}), 0)" if folded.way == "sum" else f"{folded.way}({folded.of})"


def of_days(projection: Projection, newest: date | None, days: Collection[date] | None = None) -> str:
    """SQL, over things with their day, of whether rows are made of one; for the arguments see `rows_sql`."""
    if projection.within:
        if newest is None:
            return "false"
        return f"{DAY} > DATE '{newest}' - {projection.within.count} AND {DAY} <= DATE '{newest}'"
    if days is None:
        return "true"
    listed = ", ".join(f"DATE '{day}'" for day in sorted(days))
    return f"{DAY} IN ({listed or 'NULL'})"
