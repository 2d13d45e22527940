"""Refusals: which days of a product the audit stopped, and what they were made of, so that nobody computes them again in vain."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.address import Address


@dataclass(frozen=True)
class Refusal:
    """Why a day (or a whole product) was refused, and the fingerprint of what it was made of."""

    made_of: str
    why: str


@dataclass(frozen=True)
class Refusals:
    """The standing refusals of one product, in its domain's home."""

    file: Path

    @classmethod
    def of(cls, home: Path, address: Address) -> Refusals:
        """The refusals of a product's major."""
        return cls(home / "home" / address.domain / "refused" / f"{address.product}_v{address.major}.json")

    def standing(self) -> dict[date | None, Refusal]:
        """Each refused day (None: the whole product) with its refusal."""
        try:
            noted = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {date.fromisoformat(day) if day else None: Refusal(**refusal) for day, refusal in noted.items()}

    def update(self, refused: Mapping[date | None, Refusal], published: Collection[date | None]) -> None:
        """Note what was refused; forget what was published."""
        standing = {day: refusal for day, refusal in {**self.standing(), **refused}.items() if day not in published}
        if not standing:
            self.file.unlink(missing_ok=True)
            return
        owner_only(self.file.parent)
        noted = {day.isoformat() if day else "": asdict(refusal) for day, refusal in standing.items()}
        replace_whole(self.file, json.dumps(noted, indent=1))

    def note_rolled_back(self, replaced: Mapping[date | None, str], restored: Mapping[date | None, str], reason: str) -> None:
        """Note that what was made of `replaced` gave way to what was made of `restored`, each a fingerprint by day."""
        gone = {day: made for day, made in replaced.items() if restored.get(day) != made}
        self.update({day: Refusal(made, f"rolled back: {reason}") for day, made in gone.items()}, [])
