"""`dm.sql(text, orders=orders)`: one SQL statement over the relations a function was given, as a lazy relation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def sql(text: str, /, **relations: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The rows of one query over the named relations; nothing is read before they are asked for.

    The names are the query's own: they hide tables of the same name, a WITH in the query may hide them in turn, and
    no other query on the connection sees them. The relations may come from several cursors of one DuckDB. Each mention
    of a name reads its relation anew, and only the columns and rows the query needs of it: put a step that is mentioned
    twice and dear to compute into a WITH ... AS MATERIALIZED.

    Args:
        text: one query (SELECT, FROM, WITH, PIVOT, VALUES, ...).
        relations: what the query's table names stand for.

    Raises:
        TypeError: no relation, or something that is none.
        duckdb.Error: what DuckDB says of the text, with a note of the names that it was given.
    """
    _check(relations)
    views = {name: f"{name}_{uuid.uuid4().hex}" for name in relations}
    # The views stay as long as the database: a view made of the result names them, and it outlives the result.
    for name, relation in relations.items():
        relation.create_view(views[name])
    inputs = ", ".join(f"{_quoted(name)} AS NOT MATERIALIZED (FROM {_quoted(view)})" for name, view in views.items())
    # In a FROM, not in bare parentheses: there DuckDB 2.0.0 silently drops a WITH of the text's own.
    query = f"WITH {inputs} FROM (\n{text.strip().rstrip(';')}\n)"
    return _result(next(iter(relations.values())), query, relations)


def _check(relations: Mapping[str, object]) -> None:
    import duckdb

    if not relations:
        raise TypeError("dm.sql: no relation given; name each table of the query, for example dm.sql(text, orders=orders).")
    for name, given in relations.items():
        if not isinstance(given, duckdb.DuckDBPyRelation):
            raise TypeError(f"dm.sql: {name} is a {type(given).__qualname__}, not a relation; annotate it duckdb.DuckDBPyRelation.")


def _result(relation: duckdb.DuckDBPyRelation, query: str, names: Mapping[str, object]) -> duckdb.DuckDBPyRelation:
    """The query's relation on the connection of `relation`."""
    import duckdb

    try:
        result = relation.query(f"unnamed_{uuid.uuid4().hex}", query)
    except duckdb.Error as error:
        error.add_note(f"dm.sql: the query's own tables are {', '.join(names)}.")
        raise
    assert result is not None
    return result


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
