"""Rollback: the content of an older snapshot as a new, signed one, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from deltalake import DeltaTable

from dagmesh.errors import AddressError, NotPublished
from dagmesh.lake.commit import Change, committed
from dagmesh.lake.keys import SigningKey
from dagmesh.lake.place import Place
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.verify import load


def rollback(place: Place, version: int, reason: str, key: SigningKey, now: datetime) -> Snapshot:
    """The new snapshot; for the arguments see `Table.rollback`."""
    target = load(place, version)
    target.check(target.files)
    about = replace(
        target.publication,
        kind="rollback",
        published_at=now,
        reason=f"back to #{version}: {reason}",
        run_id="",
        days={},
        files=(),
        seconds=0.0,
    )

    def change(table: DeltaTable | None) -> Change:
        if table is None:
            raise NotPublished(f"{place.address} was removed from the lake.", address=str(place.address))
        if table.version() == version:
            raise AddressError(
                f"{place.address}#{version} is the newest snapshot already; choose an older one: dagmesh history {place.address}"
            )
        return Change(about, target.files, lambda properties: table.restore(version, commit_properties=properties))

    return committed(place, key, change)
