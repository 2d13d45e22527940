"""Tables: where one product's snapshots live, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from dagmesh.lake.delta_log import newest_version
from dagmesh.lake.encrypting import salt_of
from dagmesh.lake.expire import expire, remove_abandoned_stages
from dagmesh.lake.history import Past, history, version_at
from dagmesh.lake.keys import SigningKey
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Record
from dagmesh.lake.publish import publish
from dagmesh.lake.remembered import Remembered, remembered
from dagmesh.lake.rollback import rollback
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import Stage, staged
from dagmesh.lake.verify import load
from dagmesh.model.address import Address
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Table:
    """The table of one product's major, whether or not anything is published there yet."""

    place: Place

    @property
    def address(self) -> Address:
        """The product's address with its major."""
        return self.place.address

    @property
    def newest(self) -> int | None:
        """The newest version, unverified, by a look at names alone; None when nothing is published."""
        return newest_version(self.place.storage)

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The newest snapshot, or that version, its signature and its files' names verified.

        Raises:
            NotPublished: nothing is published, or not that version.
            UntrustedSnapshot: unsigned, forged or damaged; `last_good` says what to read instead.
        """
        return load(self.place, version)

    def as_of(self, moment: date | datetime) -> Snapshot:
        """The snapshot that was the newest at a moment (of a date: at its end, UTC), by the publications' own times.

        Raises:
            NotPublished: nothing was published yet.
        """
        end = moment if isinstance(moment, datetime) else datetime.combine(moment + timedelta(days=1), time(), UTC) - datetime.resolution
        return load(self.place, version_at(self.place, end))

    def fingerprints(self, look_at: Collection[date] = ()) -> dict[date | None, str]:
        """What each day of the newest snapshot (None: the whole product) was made of; empty when nothing is published.

        Args:
            look_at: days whose files (of a whole product: its) must be there; what lost one counts as not published.
        """
        if self.newest is None:
            return {}
        snapshot = self.snapshot()
        lost = {file.day for file in snapshot.lost(look_at)} if look_at else set()
        return {file.day: file.made_of for file in snapshot.files if file.day not in lost}

    def history(self, limit: int = 20) -> list[Past]:
        """The newest publications, newest first, each with whether its signature holds; their files are not looked at."""
        return list(islice(history(self.place), limit))

    def stage(self, con: duckdb.DuckDBPyConnection, sql: str, product: Product, days: Collection[date]) -> Stage:
        """The rows of FROM-able `sql`, written beside the table; before they are published somebody hashes them.

        Args:
            con: where the rows are computed.
            sql: rows with the contract's columns, in any order, of types that cast to the contract's.
            product: the product.
            days: the days asked for, none for a whole product; a day without rows counts as staged.

        Raises:
            AuditRefused: rows of days that were not asked for.
        """
        return staged(con, sql, product, days, self.place.storage, salt_of(self.place, product))

    def remembered(self, stage: Stage, judged_by: str) -> dict[date | None, Remembered]:
        """What signed publications say of the stage's days whose very files they audited; nothing when nothing is published.

        Args:
            stage: a stage with the hashes of its files.
            judged_by: the audit that would judge them.

        Raises:
            UntrustedSnapshot: see `snapshot`.
        """
        return remembered(self.place, stage, judged_by) if self.newest is not None else {}

    def publish(self, stage: Stage, days: Collection[date], record: Record, key: SigningKey) -> Snapshot:
        """The new snapshot, in which the staged rows of `days` (none: of the whole product) replace exactly theirs.

        All or nothing, whoever else publishes; what is published is staged no longer.

        Raises:
            UntrustedSnapshot: days that would stay are of a snapshot that does not verify.
            DefinitionError: a published column has another type now.
            PublishConflict: others kept winning.
            MeshError: the lake has another key for the domain.
        """
        return publish(self.place, stage, days, record, key)

    def rollback(self, version: int, reason: str, key: SigningKey, now: datetime) -> Snapshot:
        """The new snapshot with the content of an older version, which must be good.

        Raises:
            NotPublished, UntrustedSnapshot: see `snapshot`.
            AddressError: that version is the newest.
            PublishConflict, MeshError: see `publish`.
        """
        return rollback(self.place, version, reason, key, now)

    def expire(self, before: date | datetime, key: SigningKey, now: datetime) -> Snapshot:
        """The newest snapshot, a new one without the days before `before` where there are such.

        Files that only snapshots replaced before `before` need leave the lake; those snapshots can be read no more.

        Raises:
            NotPublished, UntrustedSnapshot: see `snapshot`.
            PublishConflict, MeshError: see `publish`.
        """
        return expire(self.place, before, key, now)

    def remove_abandoned_stages(self, before: datetime) -> list[str]:
        """The stages, now removed, that nothing was written to since `before`: a moment before any run that may go on."""
        return remove_abandoned_stages(self.place, before)

    def verify(self, version: int | None = None) -> Snapshot:
        """The snapshot with the content of every file hashed anew.

        Raises:
            NotPublished, UntrustedSnapshot: see `snapshot`.
        """
        snapshot = self.snapshot(version)
        snapshot.check(snapshot.files, anew=True)
        return snapshot
