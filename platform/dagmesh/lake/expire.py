"""Expiry: days past the retention leave the newest snapshot, and files that no kept snapshot needs leave the lake."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from deltalake import CommitProperties, DeltaTable

from dagmesh.errors import NotPublished
from dagmesh.lake.commit import Change, committed
from dagmesh.lake.delta_log import active_files, added_paths, newest_version, opened
from dagmesh.lake.history import version_at
from dagmesh.lake.keys import SigningKey
from dagmesh.lake.opened_files import close_all
from dagmesh.lake.place import Place
from dagmesh.lake.publish import newest_day, trusted, without
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import STAGES
from dagmesh.lake.verify import load

# A file that no snapshot names may belong to a run that is about to commit it.
LONGEST_RUN = timedelta(days=1)


def expire(place: Place, before: date | datetime, key: SigningKey, now: datetime) -> Snapshot:
    """The newest snapshot after it; for the arguments see `Table.expire`."""
    kept_from = before if isinstance(before, datetime) else datetime.combine(before, time(), UTC)
    snapshot = load(place)
    days = tuple(sorted(day for day in snapshot.days if day < kept_from.date()))
    if days:
        snapshot = committed(place, key, lambda table: _without(place, table, days, now))
    _remove_unneeded(place, kept_from, now)
    close_all(place)
    return snapshot


def _without(place: Place, table: DeltaTable | None, days: tuple[date, ...], now: datetime) -> Change:
    if table is None:
        raise NotPublished(f"{place.address} was removed from the lake.", address=str(place.address))
    before = active_files(table)
    base = trusted(place, table, before)
    files = tuple(file for file in before if file.day not in days)
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


def _remove_unneeded(place: Place, kept_from: datetime, now: datetime) -> None:
    """Remove the files that are in no snapshot that was the newest at `kept_from` or later, nor of a run that may go on."""
    needed = _needed(place, kept_from)
    for name, written in list(place.storage.files("")):
        if not name.startswith("_") and name not in needed and written < now - LONGEST_RUN:
            place.storage.remove(name)


def _needed(place: Place, kept_from: datetime) -> set[str]:
    try:
        first = version_at(place, kept_from)
    except NotPublished:
        first = 0
    table, newest = opened(place.storage, first), newest_version(place.storage)
    assert table is not None
    assert newest is not None
    return {file.path for file in active_files(table)}.union(*(added_paths(place.storage, later) for later in range(first + 1, newest + 1)))


def remove_abandoned_stages(place: Place, before: datetime) -> list[str]:
    """The stages, now removed, that nothing was written to since a moment."""
    stages = [f"{STAGES}/{name}" for name in place.storage.names(STAGES)]
    written = {stage: place.storage.last_written(stage) for stage in stages}
    abandoned = [stage for stage, last in written.items() if last and last < before]
    for stage in abandoned:
        place.storage.remove(stage)
    return abandoned
