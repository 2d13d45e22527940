"""The evidence of whether a major may go: its sunset, who read it lately, and whose products read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagmesh.consume.baseline import Consumer, consumers
from dagmesh.consume.read_log import ReadLog
from dagmesh.errors import NotPublished
from dagmesh.lake.history import newest_trusted
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address
from dagmesh.model.retirement import DAYS, removal_refused


@dataclass(frozen=True)
class Reader:
    """Who read a product since a moment, how often, and when last; `times` is None where only a publication says so."""

    name: str
    times: int | None
    last: datetime


@dataclass(frozen=True)
class Evidence:
    """What is known of a published major on a day: `readers` are of the last `days` days, `consumers` of any time."""

    address: Address
    publication: Publication
    readers: tuple[Reader, ...]
    consumers: tuple[Consumer, ...]
    today: date
    days: int

    @property
    def sunset(self) -> date | None:
        """The day the major ends, if it was announced."""
        said = self.publication.product.get("sunset")
        return date.fromisoformat(said) if said else None

    @property
    def days_left(self) -> int | None:
        """Days until the sunset, 0 once it is there."""
        return max(0, (self.sunset - self.today).days) if self.sunset else None

    @property
    def refused(self) -> str | None:
        """Why it may not go; None when it may."""
        return removal_refused(self.publication.product, {reader.name: reader.last for reader in self.readers}, self.today, self.days)

    def describe(self) -> dict[str, Any]:
        """The evidence as JSON values."""
        return {
            "address": str(self.address),
            "version": self.publication.version,
            "sunset": self.sunset,
            "days_left": self.days_left,
            "days": self.days,
            "readers": [vars(reader) for reader in self.readers],
            "consumers": [{"address": str(c.address), "owner": c.owner, "published_at": c.published_at} for c in self.consumers],
            "refused": self.refused,
        }


def evidence(lake: Lake, address: Address, now: datetime, days: int = DAYS) -> Evidence:
    """What is known of a published major now.

    Raises:
        NotPublished: the major was never published. MeshError: the log of reads has a hole.
    """
    publication = newest_trusted(lake.table(address).place)
    if publication is None:
        raise NotPublished(
            f"{address} has no publication that verifies; there is nothing to retire. See what is: dagmesh list", address=str(address)
        )
    since, reading = now - timedelta(days=days), tuple(consumers(lake, address))
    return Evidence(address, publication, tuple(_readers(lake, address, since, reading)), reading, now.astimezone(UTC).date(), days)


def _readers(lake: Lake, address: Address, since: datetime, reading: tuple[Consumer, ...]) -> list[Reader]:
    """Who reads by this machine's log, and whose publications, perhaps of other machines, say that they read."""
    moments: dict[str, list[datetime]] = {}
    for read in ReadLog(lake.home).reads(str(address), since):
        if read["decision"] == "allowed":
            moments.setdefault(read["reader"], []).append(datetime.fromisoformat(read["at"]))
    logged = [Reader(name, len(times), max(times)) for name, times in moments.items()]
    told = [Reader(str(c.address), None, c.published_at) for c in reading if c.published_at >= since and c.address.domain not in moments]
    return sorted([*logged, *told], key=lambda reader: reader.name)
