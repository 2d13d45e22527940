"""Parquet files taken into a private table as they are: their bytes are copied and hashed, and no row is read.

Only where a domain's code gives back `read_parquet(...)` of files and nothing else, and the files have the rows of the days in
folders of their names; whatever is asked of the rows besides makes them rows to be written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

from dagmesh.lake import quoting
from dagmesh.lake.copied_files import CopiedFile, Copy
from dagmesh.lake.rows_sql import Columns
from dagmesh.lake.storage import LocalStorage

if TYPE_CHECKING:
    import duckdb

_SCANS = ("read_parquet", "parquet_scan")
# What else DuckDB 2.0.0 says of a scan, where it is left as it is by default.
_PLAIN = {"binary_as_string": False, "file_row_number": False, "filename": False, "union_by_name": False}
_ASKED = ("modifiers", "where_clause", "group_expressions", "having", "sample", "qualify")
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class _Scan:
    """A relation that is nothing but a scan of files."""

    files: tuple[str, ...]
    by_folder: bool


def taken(con: duckdb.DuckDBPyConnection, rows: Any, copy: Copy, storage: LocalStorage, folder: str) -> tuple[CopiedFile, ...]:
    """The files of the rows, copied into a folder; none where they have to be written.

    What stands for the rows' hashes are their files' own: the same bytes are the same rows.

    Args:
        con: the connection of the rows.
        rows: what the domain's code gave back.
        copy: what `copied` would write of them.
        storage: where the folder is.
        folder: a new folder for the files.
    """
    scan = _scan(con, rows)
    if scan is None or scan.by_folder != bool(copy.day_column):
        return ()
    days = [_day(file, copy.day_column) if copy.day_column else None for file in scan.files]
    if copy.day_column and set(days) != set(copy.days):
        return ()
    copies = _copies(list(zip(scan.files, days, strict=True)), storage, folder)
    return _counted(con, copies, [one for one in copy.columns if one[0] != copy.day_column], storage)


def _scan(con: duckdb.DuckDBPyConnection, rows: Any) -> _Scan | None:
    """The files that the rows are, all of their columns; None where they are anything else."""
    if not hasattr(rows, "sql_query"):
        return None
    [(text,)] = con.execute("SELECT json_serialize_sql(?)", [rows.sql_query()]).fetchall()
    statements = json.loads(text).get("statements", [])
    node = statements[0]["node"] if len(statements) == 1 else {}
    table = node.get("from_table", {})
    plain = node.get("type") == "SELECT_NODE" and table["type"] == "TABLE_FUNCTION" and not any(node.get(name) for name in _ASKED)
    if not plain or not _is_star(node["select_list"]) or table["sample"] or table["function"]["function_name"] not in _SCANS:
        return None
    said = {argument["name"]: _value(argument["expression"]) for argument in table["function"]["arguments"]}
    files, by_folder = said.pop("", None), said.pop("hive_partitioning", None)
    known = isinstance(files, list) and isinstance(by_folder, bool) and said == _PLAIN
    return _Scan(tuple(files), by_folder) if known and all(not _PATTERN & set(file) and Path(file).is_file() for file in files) else None


def _is_star(selected: Sequence[dict[str, Any]]) -> bool:
    changed = ("exclude_list", "replace_list", "rename_list", "qualified_exclude_list", "expr")
    return len(selected) == 1 and selected[0]["type"] == "STAR" and not any(selected[0].get(name) for name in changed)


def _value(expression: dict[str, Any]) -> Any:
    """A literal's value; None where it is no text, truth or list of these."""
    if expression["type"] == "FUNCTION" and expression["function_name"] == "list_value":
        return [_value(argument["expression"]) for argument in expression["arguments"]]
    literal = expression.get("literal", {})
    text = literal.get("text")
    return {"STRING": text, "BOOLEAN": text == "true"}.get(literal.get("kind"))


def _day(file: str, day_column: str) -> date | None:
    """The day that the file's own folder names, when none of the folders above it names anything."""
    folders = Path(file).parts[:-1]
    name, _, day = folders[-1].partition("=")
    if name != day_column or any("=" in folder for folder in folders[:-1]):
        return None
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None


def _copies(files: Sequence[tuple[str, date | None]], storage: LocalStorage, folder: str) -> list[CopiedFile]:
    storage.make_folder(folder)
    copies = []
    for number, (file, day) in enumerate(files):
        path = f"{folder}/taken_{number}.parquet"
        copyfile(file, storage.path(path))
        copies.append(CopiedFile(path, day, 0, 0, "", int(storage.sha256(path)[:16], 16)))
    return copies


def _counted(
    con: duckdb.DuckDBPyConnection, copies: Sequence[CopiedFile], columns: Columns, storage: LocalStorage
) -> tuple[CopiedFile, ...]:
    """The copies with their numbers of rows; none where one of them has not exactly these columns."""
    files = quoting.texts(storage.path(copy.path) for copy in copies)
    form = "list((name, type, converted_type, logical_type, duckdb_type) ORDER BY column_id)"
    forms = con.execute(f"SELECT DISTINCT {form} FROM parquet_schema({files}) GROUP BY file_name").fetchall()
    first = quoting.text(storage.path(copies[0].path))
    found = con.execute(f"DESCRIBE FROM read_parquet({first}, hive_partitioning=false)").fetchall()
    if len(forms) != 1 or [(name, kind) for name, kind, *_ in found] != list(columns):
        return ()
    footers = con.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({files})").fetchall()
    rows = {Path(name).name: count for name, count in footers}
    return tuple(replace(copy, rows=rows[Path(copy.path).name]) for copy in copies)
