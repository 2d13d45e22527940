"""Housekeeping: what no promise keeps any more leaves the lake and the domain's home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dagmesh.lake.lake import Lake
from dagmesh.lake.opened_files import close_unused
from dagmesh.lake.quarantine import remove_old_quarantine
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address
from dagmesh.model.promise import duration

LONGEST_RUN = timedelta(hours=24)
QUARANTINE_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Kept:
    """What is left of a product: its newest snapshot, since when days or snapshots are kept, and the stages removed."""

    snapshot: Snapshot
    since: datetime
    stages: int

    @property
    def words(self) -> str:
        """In words, for people."""
        return f"{self.snapshot.address}: kept since {self.since:%Y-%m-%d}, {self.stages} abandoned stages removed."


def expire_product(lake: Lake, address: Address, now: datetime) -> Kept:
    """What is left of the product once its retention is kept and the stages of dead runs are removed.

    Raises:
        NotPublished, UntrustedSnapshot, PublishConflict, MeshError: see `Table.expire`.
    """
    table = lake.table(address)
    product = table.snapshot().publication.product
    since = now - duration(product["promise"]["retention"])
    stages = table.remove_abandoned_stages(now - LONGEST_RUN)
    snapshot = table.expire(since.date() if product["partitioned_by"] else since, lake.signing_key(address.domain), now)
    return Kept(snapshot, since, len(stages))


def clean_private_tables(lake: Lake, domain: str, now: datetime) -> int:
    """How many files were removed that the domain's private tables no longer have; old quarantine files and unused opened ones go too."""
    store = lake.private(domain)
    files = [file for name in store.names() for file in store.table(name).remove_abandoned(now - LONGEST_RUN)]
    remove_old_quarantine(lake.home, now - QUARANTINE_KEPT)
    close_unused(lake.home, now - LONGEST_RUN)
    return len(files)
