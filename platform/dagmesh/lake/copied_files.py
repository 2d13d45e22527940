"""Rows copied to Parquet by DuckDB in one scan, one folder a day, beside a table where no reader looks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from dagmesh.errors import AuditRefused
from dagmesh.lake import quoting
from dagmesh.lake.rows_sql import pattern_free
from dagmesh.lake.storage import Storage

if TYPE_CHECKING:
    import duckdb

_SHOWN_DAYS = 5
_BOUNDED = ("BIGINT", "DATE", "VARCHAR")


@dataclass(frozen=True)
class CopiedFile:
    """One Parquet file: `path` is relative to the storage, `day` None when the rows are not split by day, `stats` as Delta has them.

    `row_hash` is the sum of the rows' hashes modulo 2^64: it does not depend on their order, and the sums of files add up.
    """

    path: str
    day: date | None
    rows: int
    size: int
    stats: str
    row_hash: int = 0


@dataclass(frozen=True)
class Copy:
    """What to copy: FROM-able `sql`, its columns as (name, DuckDB type) in order, and the DATE column and days to split by.

    `salt` is a secret that the rows' hashes are begun with, where guessing values by their hashes must not pay.
    """

    sql: str
    columns: Sequence[tuple[str, str]]
    day_column: str | None
    days: Collection[date]
    salt: str = ""

    @property
    def select(self) -> str:
        """The rows with exactly the columns' types."""
        casts = ", ".join(f"CAST({quoting.name(name)} AS {kind}) AS {quoting.name(name)}" for name, kind in self.columns)
        return f"SELECT {casts} FROM {self.sql}"


def copied(con: duckdb.DuckDBPyConnection, copy: Copy, storage: Storage, folder: str, place: str) -> tuple[CopiedFile, ...]:
    """The files the rows were copied to, at least one for each of the days.

    Args:
        con: where the rows are computed.
        copy: what to copy.
        storage: where the folder is.
        folder: a new folder for the files.
        place: what the rows are, for messages.

    Raises:
        AuditRefused: rows of other days than those asked for.
    """
    storage.make_folder(folder)
    if copy.day_column is None:
        return _hashed(con, copy, storage, list(_files(con, copy, storage, folder, f"{folder}/data_0.parquet", "")))
    files = list(_files(con, copy, storage, folder, folder, f", OVERWRITE_OR_IGNORE, PARTITION_BY ({quoting.name(copy.day_column)})"))
    _refuse_other_days(files, copy, place)
    empty = _empty_files(con, copy, storage, folder, set(copy.days) - {file.day for file in files})
    return (*_hashed(con, copy, storage, files), *empty)


def _files(con: duckdb.DuckDBPyConnection, copy: Copy, storage: Storage, folder: str, target: str, partition: str) -> Iterator[CopiedFile]:
    to = quoting.text(storage.path(target))
    statement = f"COPY ({copy.select}) TO {to} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS{partition})"
    cursor = con.execute(statement)
    # By name: DuckDB 2 returns one column more than 1.5.
    names = [description[0] for description in cursor.description or ()]
    for values in cursor.fetchall():
        yield _file(dict(zip(names, values, strict=True)), copy, folder)


def _file(row: Mapping[str, Any], copy: Copy, folder: str) -> CopiedFile:
    day = (row["partition_keys"] or {}).get(copy.day_column)
    name = str(row["filename"]).rsplit("/", 1)[-1]
    path = f"{folder}/{copy.day_column}={day}/{name}" if copy.day_column else f"{folder}/{name}"
    stats = _stats(row["count"], row["column_statistics"], dict(copy.columns))
    return CopiedFile(path, _date(day), row["count"], row["file_size_bytes"], stats)


def _hashed(con: duckdb.DuckDBPyConnection, copy: Copy, storage: Storage, files: Sequence[CopiedFile]) -> tuple[CopiedFile, ...]:
    """The files with their row hashes, in one scan of them."""
    if not files:
        return ()
    stored = [name for name, _ in copy.columns if name != copy.day_column]
    # The names are hashed too: equal values under other names are other rows to whoever reads them.
    row = ", ".join([quoting.text(",".join(stored) + copy.salt), *(quoting.name(name) for name in stored)])
    paths = quoting.texts(pattern_free(storage.path(file.path)) for file in files)
    scan = f"read_parquet({paths}, hive_partitioning=false, filename='file of the row')"
    sums = con.execute(f"""SELECT "file of the row", sum(hash({row})) FROM {scan} GROUP BY ALL""").fetchall()
    by_path = {_tail(path): int(total) % 2**64 for path, total in sums}
    return tuple(replace(file, row_hash=by_path.get(_tail(file.path), 0)) for file in files)


def _tail(path: str) -> str:
    """What tells the files of one folder apart: the day's folder and the name."""
    return "/".join(path.rsplit("/", 2)[-2:])


def _date(day: str | None) -> date | None:
    try:
        return date.fromisoformat(day) if day else None
    except ValueError:  # DuckDB knows years that Python does not
        return None


def _stats(rows: int, columns: Mapping[str, Mapping[str, str]], kinds: Mapping[str, str]) -> str:
    """Delta's statistics of a file: rows and NULLs, bounds of whole numbers, dates and texts where they are exact."""
    named = {name: columns[quoting.name(name)] for name in kinds if quoting.name(name) in columns}
    stats: dict[str, Any] = {"numRecords": rows, "nullCount": {name: int(found["null_count"]) for name, found in named.items()}}
    for delta, bound in (("minValues", "min"), ("maxValues", "max")):
        exact = {
            name: found[bound] for name, found in named.items() if kinds[name] in _BOUNDED and found.get(f"{bound}_is_exact") == "true"
        }
        stats[delta] = {name: int(value) if kinds[name] == "BIGINT" else value for name, value in exact.items()}
    return json.dumps(stats)


def _refuse_other_days(files: Collection[CopiedFile], copy: Copy, place: str) -> None:
    others = [file for file in files if file.day not in copy.days]
    if others:
        days = sorted({str(file.day or "NULL") for file in others})
        shown = ", ".join(days[:_SHOWN_DAYS]) + (f" and {len(days) - _SHOWN_DAYS} more" if len(days) > _SHOWN_DAYS else "")
        raise AuditRefused(
            f"{place}: {sum(file.rows for file in others)} rows have {copy.day_column} {shown}; the run was asked for "
            f"{_range(copy.days)}. Nothing was stored. Keep only rows of the days asked for."
        )


def _range(days: Collection[date]) -> str:
    return f"{min(days)}" if len(days) == 1 else f"{len(days)} days from {min(days)} to {max(days)}"


def _empty_files(con: duckdb.DuckDBPyConnection, copy: Copy, storage: Storage, folder: str, days: Collection[date]) -> Iterator[CopiedFile]:
    """A file without rows for each day, so that the day counts as there."""
    if not days:
        return
    stored = [(name, kind) for name, kind in copy.columns if name != copy.day_column]
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoting.name(name)}" for name, kind in stored)
    empty = Copy(f"(SELECT {nothing} WHERE false)", stored, None, ())
    template = next(_files(con, empty, storage, folder, f"{folder}/empty.parquet", ""))
    for day in sorted(days):
        path = f"{folder}/{copy.day_column}={day}/data_0.parquet"
        storage.copy(template.path, path)
        yield CopiedFile(path, day, 0, template.size, template.stats)
