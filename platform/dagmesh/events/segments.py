"""Sealing: a store's older events written once as typed Parquet, with a signed manifest that says they are the chain's."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.errors import EventRefused
from dagmesh.events.durable import synced, write_durably
from dagmesh.events.event import GENESIS, Head
from dagmesh.events.segment import Segment, SegmentFile, segments, sha256_of
from dagmesh.events.signing import Signer
from dagmesh.events.store import EventStore
from dagmesh.events.typed import ENVELOPE, literal, typed_sql

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MOST = 1_000_000  # events of a segment: more would not fit into memory
_ROWS = 30_720  # of a row group: what is read to find one subject
_MEMORY = "900MB"
_LOCK = ".lock"


def seal(store: EventStore, key: Signer, upto: int | None = None, *, most: int = MOST) -> Segment | None:
    """The store's next segment, now sealed; None when nothing up to the position is left to seal.

    One process seals at a time. The files come first, the manifest last and at once: a crash leaves no segment. The same
    events give the same bytes.

    Args:
        store: the store.
        key: the key of its domain.
        upto: the last position to seal; the head by default.
        most: how many events the segment may have; call again for the next one.

    Raises:
        ChainBroken: what would be sealed was changed since it was appended.
        EventRefused: `upto` is after the head.
    """
    head = store.head()
    if upto is not None and upto > head.position:
        raise EventRefused(f"{store.path}: event {upto} is not there yet, so it cannot be sealed; the newest is {head.position}.")
    with _alone(store.segments_folder) as folder:
        before = sealed_head(store)
        last = min(before.position + most, head.position if upto is None else upto)
        if last <= before.position:
            return None
        _remove_unfinished(folder)
        return _sealed(store, key, before, last, folder)


def sealed_head(store: EventStore) -> Head:
    """The position and hash of the newest sealed event."""
    found = segments(store.segments_folder)
    return Head(found[-1].last, bytes.fromhex(found[-1].after)) if found else Head(0, GENESIS)


def _sealed(store: EventStore, key: Signer, before: Head, last: int, folder: Path) -> Segment:
    import duckdb

    beside = folder / f".{uuid.uuid4().hex}"
    # One thread, in order: the same events give the same bytes.
    con = duckdb.connect(config={"threads": 1, "memory_limit": _MEMORY, "temp_directory": str(beside)})
    try:
        after = before
        for rows in store.rows(before, last):
            add(con, "events", rows)
            after = Head(rows[-1][0], rows[-1][-1])
        files = tuple(_files(con, store, f"{before.position + 1}-{last}", folder))
    finally:
        con.close()
        if beside.exists():
            beside.rmdir()
    unsigned = Segment(folder, store.source, before.position + 1, last, before.hash.hex(), after.hash.hex(), files, key.key_id)
    segment = replace(unsigned, signature=key.sign(unsigned.text))
    write_durably(segment.manifest, segment.to_json().encode())
    return segment


def _files(con: duckdb.DuckDBPyConnection, store: EventStore, name: str, folder: Path) -> Iterator[SegmentFile]:
    """Each version of each type, written, on the disk, and for the owner only."""
    types = store.types()
    found = con.execute("SELECT type, version, count(*) FROM events GROUP BY ALL ORDER BY ALL").fetchall()
    for kind, version, count in found:
        path = folder / f"{name}.{kind}.{version}.parquet"
        path.touch(mode=0o600)
        rows = f"(FROM events WHERE type = {literal(kind)} AND version = {version})"
        typed = typed_sql(rows, types[kind, version].fields.values(), sealed=True)
        con.execute(
            f"COPY (FROM ({typed}) ORDER BY subject, position) TO {literal(str(path))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS}, USE_TMP_FILE false)"
        )
        synced(path)
        yield SegmentFile(path.name, kind, version, count, sha256_of(path))


def add(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add stored rows to a table of the envelope's columns, `time` in microseconds, made on first use."""
    con.register("rows_of_events", as_arrow(rows))
    con.execute(f"CREATE TABLE IF NOT EXISTS {table} AS FROM rows_of_events LIMIT 0")
    con.execute(f"INSERT INTO {table} FROM rows_of_events")
    con.unregister("rows_of_events")


def as_arrow(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Stored rows as a table of the envelope's columns."""
    import pyarrow as pa

    texts = dict.fromkeys(("id", "source", "type", "subject", "data"), pa.string())
    types = {"position": pa.int64(), "version": pa.int32(), "time": pa.int64(), "predecessor": pa.binary(), "hash": pa.binary()} | texts
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(ENVELOPE)
    return pa.table({name: pa.array(column, types[name]) for name, column in zip(ENVELOPE, columns, strict=True)})


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """The folder, while no other process seals."""
    folder.mkdir(exist_ok=True, mode=0o700)
    (folder / _LOCK).touch(mode=0o600)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _remove_unfinished(folder: Path) -> None:
    """Remove what a crashed seal left: files that no manifest names."""
    named = {file.name for segment in segments(folder) for file in segment.files}
    for path in folder.iterdir():
        if path.suffix == ".parquet" and path.name not in named:
            path.unlink()
        elif path.is_dir() and path.name.startswith("."):
            for spilled in path.iterdir():
                spilled.unlink()
            path.rmdir()
