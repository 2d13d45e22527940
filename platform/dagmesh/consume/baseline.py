"""What a product's contract is held against: its last publication, before the first one the lock file; and who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.lake.history import newest_trusted
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.lock import lock_path, read_lock

Origin = Literal["published", "locked", "published major"]


@dataclass(frozen=True)
class Baseline:
    """A described product and where it is from: published or locked in the same major, or published in an older one."""

    product: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True)
class Consumer:
    """A published product that reads another; `columns` are those it said it relies on, None when it did not say.

    `published_at` is when it last was published, and so last read.
    """

    address: Address
    owner: str
    columns: frozenset[str] | None
    published_at: datetime

    def relies_on(self, column: str | None) -> bool:
        """Whether a change of a column (None: of the whole product) may hurt it."""
        return self.columns is None or column is None or column in self.columns


def baseline(lake: Lake, address: Address, folder: Path) -> Baseline | None:
    """What the product's contract is held against; None for a product that is new.

    Args:
        lake: where it is published.
        address: the product's, with its major.
        folder: its domain's, which holds the lock files.
    """
    assert address.major is not None
    product = published(lake, address)
    if product:
        return Baseline(product, "published")
    locked = read_lock(lock_path(folder, address.product, address.major))
    if locked:
        return Baseline(locked, "locked")
    older = (published(lake, address.at_major(major)) for major in range(address.major - 1, -1, -1))
    before = next((product for product in older if product), None)
    return Baseline(before, "published major") if before else None


def published(lake: Lake, address: Address) -> Mapping[str, Any] | None:
    """The product as the newest trusted publication of the same major describes it; None when there is none."""
    newest = newest_trusted(lake.table(address).place)
    return newest.product if newest else None


def consumers(lake: Lake, address: Address) -> list[Consumer]:
    """The published products that read a product's major, by address; of its own domain those too that read it by name alone."""
    found = []
    for reader in lake.readers(address):
        publication = newest_trusted(lake.table(reader).place)
        reads = [read for read in publication.product["reads"] if _names(read["source"], reader, address, lake)] if publication else []
        if publication and reads:
            found.append(Consumer(reader, publication.product["owner"], _columns(reads), publication.published_at))
    return found


def _names(source: str, reader: Address, address: Address, lake: Lake) -> bool:
    if "." in source:
        return Address.parse(source) == address
    return (reader.domain, source) == (address.domain, address.product) and lake.latest_major(address) == address


def _columns(reads: list[Mapping[str, Any]]) -> frozenset[str] | None:
    """The columns that all reads of one source say they rely on; None when one says nothing."""
    if any("expects" not in read for read in reads):
        return None
    return frozenset(column["name"] for read in reads for column in read["expects"]["columns"])
