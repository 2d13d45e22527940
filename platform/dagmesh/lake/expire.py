"""Expiry: days past the retention leave the newest snapshot, and files that no kept snapshot needs leave the lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from deltalake import CommitProperties, DeltaTable

from dagmesh.errors import NotPublished
from dagmesh.lake.commit import Change, committed
from dagmesh.lake.delta_log import active_files, added_paths, newest_version, opened
from dagmesh.lake.history import version_at
from dagmesh.lake.keys import SigningKey
from dagmesh.lake.place import Place
from dagmesh.lake.publish import newest_day, trusted, without
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import STAGES
from dagmesh.lake.verify import load

# A file that no snapshot names may belong to a run that is about to commit it.
LONGEST_RUN = timedelta(days=1)


@dataclass(frozen=True)
class Expired:
    """What expiry did: the newest snapshot after it, the days that left it, and the files that left the lake."""

    snapshot: Snapshot
    days: tuple[date, ...]
    files: tuple[str, ...]


def expire(place: Place, retention: timedelta, key: SigningKey, now: datetime) -> Expired:
    """What was removed; for the arguments see `Table.expire`."""
    kept_from = now - retention
    newest = load(place)
    days = tuple(sorted(day for day in newest.days if day < kept_from.date()))
    if days:
        newest = committed(place, key, lambda table: _without(place, table, days, now))
    return Expired(newest, days, tuple(_remove_unneeded(place, kept_from, now)))


def _without(place: Place, table: DeltaTable | None, days: tuple[date, ...], now: datetime) -> Change:
    if table is None:
        raise NotPublished(f"{place.address} was removed from the lake.", address=str(place.address))
    base = trusted(place, table)
    files = tuple(file for file in active_files(table) if file.day not in days)
    about = replace(
        base,
        kind="expire",
        published_at=now,
        run_id="",
        reason=f"retention: {len(days)} days to {max(days)}",
        days={},
        files=(),
        seconds=0.0,
        through=newest_day(files),
        incomplete=without(base.incomplete, days),
    )

    def write(properties: CommitProperties) -> None:
        split = table.metadata().partition_columns
        filters = [(split[0], "in", [str(day) for day in days])]
        table.create_write_transaction(
            [], mode="overwrite", schema=table.schema(), partition_by=split, partition_filters=filters, commit_properties=properties
        )

    return Change(about, files, write)


def _remove_unneeded(place: Place, kept_from: datetime, now: datetime) -> list[str]:
    """The files, now removed, that are in no snapshot that was the newest at `kept_from` or later, nor of a run that may go on."""
    needed = _needed(place, kept_from)
    found = [name for name, written in place.storage.files("") if name[0] != "_" and written < now - LONGEST_RUN and name not in needed]
    for name in found:
        place.storage.remove(name)
    return sorted(found)


def _needed(place: Place, kept_from: datetime) -> set[str]:
    try:
        first = version_at(place, kept_from)
    except NotPublished:
        first = 0
    table, newest = opened(place.storage, first), newest_version(place.storage)
    assert table is not None
    assert newest is not None
    return {file.path for file in active_files(table)}.union(*(added_paths(place.storage, later) for later in range(first + 1, newest + 1)))


def remove_abandoned(place: Place, now: datetime) -> list[str]:
    """The stages, now removed, that nothing was written to for longer than the longest run."""
    stages = [f"{STAGES}/{name}" for name in place.storage.names(STAGES)]
    written = {stage: place.storage.last_written(stage) for stage in stages}
    abandoned = [stage for stage, last in written.items() if last and last < now - LONGEST_RUN]
    for stage in abandoned:
        place.storage.remove(stage)
    return abandoned
