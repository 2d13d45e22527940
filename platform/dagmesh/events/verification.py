"""Verification of a domain's events: the chain of the store, its sealed segments, and that both tell the same."""

from __future__ import annotations

from dataclasses import dataclass

from dagmesh.errors import ChainBroken
from dagmesh.events.chain import MEND
from dagmesh.events.event import DOMAIN, Head
from dagmesh.events.segment import RESTORE, Segment, segments, sha256_of
from dagmesh.events.segments import add
from dagmesh.events.signing import Verifier
from dagmesh.events.store import EventStore
from dagmesh.events.typed import literal

# chain_hash as DuckDB's SQL over a segment's rows, and what it hashes.
_SAID = (
    "concat(position, ' ', epoch_us(time), ' ', version, ' ', length(id), ' ', length(source), ' ', length(type), ' ', length(subject), "
    "' ', id, source, type, subject, chr(10), data)"
)
HASH = f"unhex(sha256(encode({literal(DOMAIN.decode())}) || predecessor || encode({_SAID})))"


@dataclass(frozen=True)
class Verification:
    """What was verified: the head, how many segments, and the last position they hold."""

    head: Head
    segments: int
    sealed: int


def verify_events(store: EventStore, key: Verifier | None) -> Verification:
    """What was verified, when nothing is wrong with the store and its segments.

    Args:
        store: the store.
        key: its domain's public key; None when there is none, and nothing may be sealed then.

    Raises:
        ChainBroken: naming the first bad file or position.
    """
    found = segments(store.segments_folder)
    for segment in found:
        _check_signature(segment, key)
        _check_files(segment)
        _check_rows(segment)
    head = Head()
    for segment in found:
        head = _check_against(store, segment, head)
    return Verification(store.verify(head), len(found), head.position)


def _check_signature(segment: Segment, key: Verifier | None) -> None:
    if key is None:
        raise _broken(segment, f"{segment.manifest}: there is no public key of {segment.source} to verify it with")
    if segment.key_id != key.key_id or not key.verifies(segment.text, segment.signature):
        raise _broken(segment, f"{segment.manifest}: the segment is not what {key.key_id} signed")


def _check_files(segment: Segment) -> None:
    for file in segment.files:
        path = segment.folder / file.name
        if not path.is_file():
            raise _broken(segment, f"{path}: the file of a sealed segment is missing")
        if sha256_of(path) != file.sha256:
            raise _broken(segment, f"{path}: the file was changed since it was sealed")


def _check_rows(segment: Segment) -> None:
    """Recompute the chain from the segment's rows."""
    import duckdb

    con = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    try:
        # One pass over the data, and a window over what is left of it: positions, hashes, whether a hash is its row's.
        con.execute(
            f"CREATE TABLE links AS SELECT *, lag(position, 1, {segment.first - 1}) OVER by_position AS position_before, "
            f"lag(hash, 1, unhex({literal(segment.before)})) OVER by_position AS hash_before "
            f"FROM (SELECT position, predecessor, hash, hash IS NOT DISTINCT FROM {HASH} AS is_own FROM {_rows(segment)}) "
            "WINDOW by_position AS (ORDER BY position)"
        )
        bad = min((position for query in _bad_links(segment) for (position,) in con.execute(query).fetchall() if position), default=None)
    finally:
        con.close()
    if bad is not None:
        raise _broken(segment, f"{segment.manifest}: event {bad} of the segment is not in the chain", bad)


def _bad_links(segment: Segment) -> tuple[str, ...]:
    """Queries of the first bad position, each of another fault."""
    end = f"max(position) IS DISTINCT FROM {segment.last} OR max_by(hash, position) <> unhex({literal(segment.after)})"
    return (
        "SELECT min(position) FROM links WHERE NOT is_own",
        "SELECT min(position_before + 1) FROM links WHERE position <> position_before + 1",
        "SELECT min(position) FROM links WHERE predecessor IS DISTINCT FROM hash_before",
        f"SELECT {segment.last} FROM links HAVING {end}",
    )


def _rows(segment: Segment) -> str:
    paths = ", ".join(literal(str(segment.folder / file.name)) for file in segment.files)
    return f"read_parquet([{paths}], union_by_name = true)"


def _check_against(store: EventStore, segment: Segment, before: Head) -> Head:
    """The head after the segment in the store, whose events are the segment's."""
    head = before
    for rows in store.rows(before, segment.last):
        head = Head(rows[-1][0], rows[-1][-1])
    if head.position < segment.last:
        what = f"event {head.position + 1} is missing; {segment.manifest.name} has sealed it"
        raise ChainBroken(f"{store.path}: {what}. {MEND}", position=head.position + 1)
    if head.hash.hex() != segment.after:
        position = _first_difference(store, segment, before)
        what = f"event {position} is another than {segment.manifest.name} has sealed"
        raise ChainBroken(f"{store.path}: {what}. {MEND}", position=position)
    return head


def _first_difference(store: EventStore, segment: Segment, before: Head) -> int:
    """The first position that the segment holds with another hash than the store."""
    import duckdb

    con = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        for rows in store.rows(before, segment.last):
            add(con, "stored", rows)
        differing = f"FROM stored JOIN {_rows(segment)} AS sealed USING (position) WHERE stored.hash <> sealed.hash"
        [(position,)] = con.execute(f"SELECT min(position) {differing}").fetchall()
    finally:
        con.close()
    return int(position)


def _broken(segment: Segment, what: str, position: int | None = None) -> ChainBroken:
    return ChainBroken(f"{what}. {RESTORE}", position=segment.first if position is None else position)
