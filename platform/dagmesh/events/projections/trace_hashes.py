"""The hashes of a few events: each computed again from the event and its predecessor, of sealed events from the segment's row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dagmesh.errors import ChainBroken
from dagmesh.events.chain import MEND
from dagmesh.events.event import GENESIS, chain_hash
from dagmesh.events.segment import RESTORE, Segment, segments
from dagmesh.events.store import EventStore
from dagmesh.events.typed import literal
from dagmesh.events.verification import HASH

if TYPE_CHECKING:
    import duckdb

Found = tuple[int, str, str]  # position, type, subject


def verify_hashes(con: duckdb.DuckDBPyConnection, store: EventStore, events: Sequence[Found]) -> None:
    """Nothing, when each of these events, as it was read, is what was appended, and the store chains it to the one before.

    Args:
        con: a connection.
        store: the store.
        events: position, type and subject of each, in order.

    Raises:
        ChainBroken: naming the first bad position.
    """
    sealed = segments(store.segments_folder)
    last = sealed[-1].last if sealed else 0
    hashes: dict[int, tuple[bytes, bytes]] = {}
    for segment in sealed:
        hashes |= _of_segment(con, segment, [event for event in events if segment.first <= event[0] <= segment.last])
    hashes |= dict(_of_tail(store, [event for event in events if event[0] > last]))
    for position, _, _ in events:
        before = store.hash_at(position - 1) if position > 1 else GENESIS
        if hashes.get(position) != (before, store.hash_at(position)):
            raise ChainBroken(
                f"{store.path}: event {position}, of which the value is made, was changed since it was appended. "
                f"{RESTORE if position <= last else MEND} See what else was: dagmesh events verify {store.source}",
                position=position,
            )


def _of_segment(con: duckdb.DuckDBPyConnection, segment: Segment, events: Sequence[Found]) -> dict[int, tuple[bytes, bytes]]:
    """Predecessor and hash of those whose hash is that of the segment's row."""
    types = {kind for _, kind, _ in events}
    paths = ", ".join(literal(str(segment.folder / file.name)) for file in segment.files if file.type in types)
    if not paths:
        return {}
    subjects = ", ".join(sorted({literal(subject) for _, _, subject in events}))
    positions = ", ".join(str(position) for position, _, _ in events)
    rows = f"read_parquet([{paths}], union_by_name = true) WHERE subject IN ({subjects}) AND position IN ({positions})"
    found = con.execute(f"SELECT position, predecessor, hash FROM {rows} AND hash IS NOT DISTINCT FROM {HASH}").fetchall()
    return {position: (predecessor, own) for position, predecessor, own in found}


def _of_tail(store: EventStore, events: Sequence[Found]) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    """Predecessor and hash of those whose hash is that of the store's row."""
    for position, kind, _ in events:
        for [row] in store.rows_of(kind, position - 1, position):
            if chain_hash(row[8], *row[:8]) == row[9]:
                yield position, (row[8], row[9])
