"""Tables: where one product's snapshots live, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from dagmesh.lake.keys import SigningKey
from dagmesh.lake.publication import Publication, Record
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import Stage
from dagmesh.model.address import Address
from dagmesh.model.domain import Product


@dataclass(frozen=True)
class Past:
    """One entry of a table's history; `trusted` says whether the signature holds."""

    publication: Publication
    trusted: bool


@dataclass(frozen=True)
class Table:
    """The table of one product's major."""

    address: Address

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The newest snapshot, or that version, verified.

        Raises:
            NotPublished: nothing there yet, or that version is not (or no longer) there.
            UntrustedSnapshot: unsigned, forged or damaged; `last_good` says what to read instead.
        """
        raise NotImplementedError

    def as_of(self, moment: datetime) -> Snapshot:
        """The snapshot that was the newest at a moment, by publication time."""
        raise NotImplementedError

    def fingerprints(self) -> dict[date | None, str]:
        """What each day of the newest snapshot (None: the whole product) was made of; empty when nothing is published."""
        raise NotImplementedError

    def history(self, limit: int = 20) -> list[Past]:
        """The newest publications, newest first."""
        raise NotImplementedError

    def stage(self, con: duckdb.DuckDBPyConnection, sql: str, product: Product, days: Collection[date]) -> Stage:
        """The rows of FROM-able `sql`, written beside the table; `days` is empty for a whole product.

        Raises:
            AuditRefused: rows of days that were not asked for.
        """
        raise NotImplementedError

    def publish(self, stage: Stage, days: Collection[date], record: Record, key: SigningKey) -> Snapshot:
        """The new snapshot, in which the staged rows replace exactly `days` (none: everything); the stage is used up.

        Raises:
            PublishConflict: others kept winning. UntrustedSnapshot: the newest snapshot does not verify.
            MeshError: the lake has another key for the domain.
        """
        raise NotImplementedError

    def rollback(self, version: int, reason: str, key: SigningKey, now: datetime) -> Snapshot:
        """The new snapshot with the content of an older version."""
        raise NotImplementedError

    def expire(self, before: date | datetime, key: SigningKey, now: datetime) -> Snapshot:
        """The new snapshot without the days before `before`; old snapshots published before it are no longer kept."""
        raise NotImplementedError

    def verify(self, version: int | None = None) -> Snapshot:
        """The snapshot with the content of every file hashed anew."""
        raise NotImplementedError
