"""When each snapshot of the lake was published: read once from its commit and remembered, so that a day's are found at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from dagmesh.lake.delta_log import commit_info
from dagmesh.lake.keys import public_key
from dagmesh.lake.lake import Lake
from dagmesh.lake.owner_only import is_writable
from dagmesh.lake.place import Place
from dagmesh.lake.publication import Publication
from dagmesh.lake.verify import PUBLICATION, Unverified, signed_publication
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.address import Address

Moments = list[str]
"""When each version was published, by number, as ISO 8601; empty text for a version that says nothing of it."""


@dataclass(frozen=True)
class PublicationDays:
    """The snapshots of a lake by the day on which they were published, as they are when first asked."""

    lake: Lake

    def on(self, day: date) -> Iterator[tuple[Address, int]]:
        """Each snapshot that was published on the UTC day, by address and number."""
        for address, moments in self._moments.items():
            yield from ((address, version) for version, said in enumerate(moments) if said and _day(said) == day)

    def at(self, moment: datetime) -> Iterator[tuple[Address, int]]:
        """Each product's snapshot that was the newest at a moment; none of a product that was not published yet."""
        for address, moments in self._moments.items():
            known = [version for version, said in enumerate(moments) if said and datetime.fromisoformat(said) <= moment]
            if known:
                yield address, known[-1]

    def newest(self, address: Address, moment: datetime) -> Publication | None:
        """The publication of a product that was the newest at a moment, of those that its domain signed."""
        for version in range(len(self._moments[address]) - 1, -1, -1):
            said = self._moments[address][version]
            if said and datetime.fromisoformat(said) <= moment and (found := self.publication(address, version)):
                return found
        return None

    def publication(self, address: Address, version: int) -> Publication | None:
        """The snapshot's publication; None when its domain did not sign it."""
        place = self.lake.table(address).place
        try:
            return signed_publication(place, version, public_key(place.lake, address.domain))
        except Unverified:
            return None

    @cached_property
    def _moments(self) -> dict[Address, Moments]:
        file = self.lake.home / "publication_days.json"
        noted: Mapping[str, Moments] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        found = {address: self._of(address, noted.get(str(address), [])) for address in sorted(self.lake.addresses())}
        now = {str(address): moments for address, moments in found.items()}
        if now != noted and is_writable(self.lake.home):
            self.lake.home.mkdir(parents=True, exist_ok=True)
            replace_whole(file, json.dumps(now))
        return found

    def _of(self, address: Address, noted: Moments) -> Moments:
        table = self.lake.table(address)
        newest = table.newest or 0
        if len(noted) > newest + 1 or (noted and _moment(table.place, len(noted) - 1) != noted[-1]):
            noted = []  # it is another table than the one that was looked at
        return [*noted, *(_moment(table.place, version) for version in range(len(noted), newest + 1))]


def _moment(place: Place, version: int) -> str:
    try:
        return Publication.from_json(commit_info(place.storage, version)[PUBLICATION]).published_at.isoformat()
    except (TypeError, ValueError, KeyError):  # whatever it is, it is no publication
        return ""


def _day(said: str) -> date:
    return datetime.fromisoformat(said).astimezone(UTC).date()
