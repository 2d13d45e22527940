"""The catalogue: every published product with its newest publication, read from the lake and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dagmesh.consume.promise_kept import Kept, promise_kept
from dagmesh.errors import UntrustedSnapshot
from dagmesh.lake.lake import Lake
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address

NOTHING: Mapping[str, Any] = dict.fromkeys(("owner", "version", "snapshot", "rows", "through", "completeness", "serves", "description"))


@dataclass(frozen=True)
class Entry:
    """One product in the catalogue: its newest snapshot, or why readers refuse it."""

    address: Address
    snapshot: Snapshot | None
    refused: str = ""
    owner: str | None = None

    @property
    def product(self) -> Mapping[str, Any]:
        """The product as its newest trusted publication describes it; empty when there is none."""
        return self.snapshot.publication.product if self.snapshot else {}

    def newest_day(self) -> date | None:
        """The newest day the snapshot covers: of a daily product its last, of a whole one the last its inputs had."""
        return max(self.snapshot.days, default=self.snapshot.publication.through) if self.snapshot else None

    def promise(self, now: datetime) -> Kept:
        """Whether the promise is kept at `now`."""
        if self.snapshot is None:
            return Kept(False, self.refused)
        publication = self.snapshot.publication
        return promise_kept(publication.product, self.newest_day(), publication.published_at, publication.completeness, now)

    def describe(self, now: datetime) -> dict[str, Any]:
        """The entry as JSON values, for the board, the lists and `--json`."""
        if self.snapshot is None:
            return {**NOTHING, "address": str(self.address), "refused": self.refused, "owner": self.owner}
        publication, product, kept = self.snapshot.publication, self.product, self.promise(now)
        passed = [check["passed"] for check in publication.checks]
        return {
            "address": str(self.address),
            "owner": product["owner"],
            "version": publication.version,
            "snapshot": self.snapshot.version,
            "rows": publication.rows,
            "checks_passed": sum(passed),
            "checks": len(passed),
            "promise_kept": kept.kept,
            "promise": kept.words,
            "through": self.newest_day(),
            "completeness": publication.completeness,
            "published_at": publication.published_at,
            "seconds": publication.seconds,
            "serves": product["serves"],
            "description": product["description"],
        }


def catalogue(lake: Lake) -> list[Entry]:
    """Every published product, by address."""
    return [entry(lake, address) for address in sorted(lake.addresses())]


def entry(lake: Lake, address: Address) -> Entry:
    """One product's entry; a snapshot that does not verify is shown as refused, not hidden.

    Raises:
        NotPublished: the product has no snapshot.
    """
    table = lake.table(address)
    try:
        snapshot = table.snapshot(address.snapshot)
        snapshot.check(snapshot.lost())
        return Entry(address, snapshot)
    except UntrustedSnapshot as error:
        good = None if error.last_good is None else table.snapshot(error.last_good).publication.product
        return Entry(address, None, str(error), good["owner"] if good else None)
