"""Rows copied to Parquet by DuckDB in one scan, one folder a day, beside a table where no reader looks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from dagmesh.errors import AuditRefused
from dagmesh.lake import quoting
from dagmesh.lake.row_hash import row_hash_sql
from dagmesh.lake.rows_sql import pattern_free
from dagmesh.lake.storage import State, Storage

if TYPE_CHECKING:
    import duckdb

# Half the bytes of snappy for a tenth of a COPY more; the levels above shrink a file by a twentieth and cost that much again.
COMPRESSION = "COMPRESSION zstd, COMPRESSION_LEVEL 1"
_SHOWN_DAYS = 5
_BOUNDED = ("BIGINT", "DATE", "VARCHAR")


@dataclass(frozen=True)
class CopiedFile:
    """One Parquet file: `path` is relative to the storage, `day` None when the rows are not split by day, `stats` as Delta has them.

    `row_hash` is the sum of the rows' hashes modulo 2^64: it does not depend on their order, and the sums of files add up; None as
    long as nobody has read them. `sha256` is that of its bytes and `state` the file's then; "" and None before.
    """

    path: str
    day: date | None
    rows: int
    size: int
    stats: str
    row_hash: int | None = None
    sha256: str = ""
    state: State | None = None

    @property
    def folder(self) -> str:
        """Where the file goes in its table: the day's folder, "" when the rows are not split by day."""
        return self.path.split("/")[2] if self.day else ""


@dataclass(frozen=True)
class Copy:
    """What to copy: FROM-able `sql`, its columns as (name, DuckDB type) in order, and the DATE column and days to split by."""

    sql: str
    columns: Sequence[tuple[str, str]]
    day_column: str | None
    days: Collection[date]

    @property
    def select(self) -> str:
        """The rows with exactly the columns' types."""
        casts = ", ".join(f"CAST({quoting.name(name)} AS {kind}) AS {quoting.name(name)}" for name, kind in self.columns)
        return f"SELECT {casts} FROM {self.sql}"

    @property
    def stored(self) -> list[tuple[str, str]]:
        """The columns that the files have: the day is the folder's name."""
        return [(name, kind) for name, kind in self.columns if name != self.day_column]


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
        return tuple(_files(con, copy, storage, folder, f"{folder}/data_0.parquet", ""))
    files = list(_files(con, copy, storage, folder, folder, f", OVERWRITE_OR_IGNORE, PARTITION_BY ({quoting.name(copy.day_column)})"))
    _refuse_other_days(files, copy, place)
    empty = _empty_files(con, copy, storage, folder, set(copy.days) - {file.day for file in files})
    return (*files, *empty)


def _files(con: duckdb.DuckDBPyConnection, copy: Copy, storage: Storage, folder: str, target: str, partition: str) -> Iterator[CopiedFile]:
    to = quoting.text(storage.path(target))
    statement = f"COPY ({copy.select}) TO {to} (FORMAT parquet, {COMPRESSION}, RETURN_STATS{partition})"
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


def hashed(
    con: duckdb.DuckDBPyConnection, stored: Sequence[tuple[str, str]], storage: Storage, files: Sequence[CopiedFile], salt: str = ""
) -> tuple[CopiedFile, ...]:
    """The files with their row hashes, in one scan of those that lack them; `stored` are the columns they have."""
    unread = [file for file in files if file.row_hash is None]
    if not unread:
        return tuple(files)
    paths = quoting.texts(pattern_free(storage.path(file.path)) for file in unread)
    scan = f"read_parquet({paths}, hive_partitioning=false, filename='file of the row')"
    sums = con.execute(f"""SELECT "file of the row", sum({row_hash_sql(stored, salt)}) FROM {scan} GROUP BY ALL""").fetchall()
    by_path = {_tail(path): int(total) % 2**64 for path, total in sums}
    return tuple(replace(file, row_hash=by_path.get(_tail(file.path), 0)) if file.row_hash is None else file for file in files)


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
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoting.name(name)}" for name, kind in copy.stored)
    empty = Copy(f"(SELECT {nothing} WHERE false)", copy.stored, None, ())
    template = next(_files(con, empty, storage, folder, f"{folder}/empty.parquet", ""))
    for day in sorted(days):
        path = f"{folder}/{copy.day_column}={day}/data_0.parquet"
        storage.copy(template.path, path)
        yield CopiedFile(path, day, 0, template.size, template.stats, row_hash=0)
