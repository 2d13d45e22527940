"""FROM-able text over Parquet files: columns in a given order, the day from the folder's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from dagmesh.lake import quoting

Columns = Sequence[tuple[str, str]]
_PATTERN = re.compile(r"([*?\[])")


def rows_sql(paths: Sequence[str], columns: Columns, day_column: str | None, mixed: bool = False, hidden: Collection[str] = ()) -> str:
    """The rows of the files; of no files, no rows of the same types.

    Args:
        paths: the files as DuckDB takes them.
        columns: name and DuckDB type of each column wanted, in order.
        day_column: the DATE column that the folders' names give; None when the files hold all columns.
        mixed: files may lack columns, which are then NULL.
        hidden: columns that are not read, and NULL.
    """
    names = ", ".join(_no_value(column, kind) if column in hidden else quoting.name(column) for column, kind in columns)
    if not paths:
        return f"(SELECT {names} FROM {_no_rows(columns)})"
    options = f", hive_partitioning=true, hive_types={{{quoting.text(day_column)}: DATE}}" if day_column else ", hive_partitioning=false"
    files = f"read_parquet({quoting.texts(pattern_free(path) for path in paths)}{options}{', union_by_name=true' if mixed else ''})"
    return f"(SELECT {names} FROM ({f'FROM {_no_rows(columns)} UNION ALL BY NAME FROM ' if mixed else 'FROM '}{files}))"


def pattern_free(path: str) -> str:
    """The path with nothing in it that DuckDB takes for a pattern."""
    return _PATTERN.sub(r"[\1]", path)


def _no_rows(columns: Columns) -> str:
    return f"(SELECT {', '.join(_no_value(column, kind) for column, kind in columns)} WHERE false)"


def _no_value(column: str, kind: str) -> str:
    return f"CAST(NULL AS {kind}) AS {quoting.name(column)}"
