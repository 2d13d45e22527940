"""Snapshots: one published, immutable state of a product, and its rows as SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a snapshot; `path` is relative to the table, `day` None in a whole product."""

    path: str
    size: int
    rows: int
    day: date | None

    @property
    def sha256(self) -> str:
        """The hash of the file's content, from its name."""
        raise NotImplementedError

    @property
    def made_of(self) -> str:
        """What the file's rows were made of, from its name."""
        raise NotImplementedError


@dataclass(frozen=True)
class Snapshot:
    """One verified snapshot: its signature holds and its files are the ones that were signed."""

    address: Address
    publication: Publication
    files: tuple[DataFile, ...]

    @property
    def version(self) -> int:
        """The snapshot's number."""
        raise NotImplementedError

    @property
    def days(self) -> dict[date, str]:
        """Each published day and what it was made of; empty for a whole product."""
        raise NotImplementedError

    @property
    def day_digests(self) -> dict[date, str]:
        """Each published day and the digest of its content; empty for a whole product."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """The digest of the whole snapshot's content."""
        raise NotImplementedError

    def completeness(self, days: Collection[date] | None = None) -> float:
        """The lowest share of complete records of the days (of the whole snapshot: None)."""
        raise NotImplementedError

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the rows, of the chosen days' files only; columns in contract order.

        The content of each file is hashed the first time this machine reads it, and again when it changes.

        Raises:
            UntrustedSnapshot: a file is missing, truncated or not what was signed.
        """
        raise NotImplementedError
