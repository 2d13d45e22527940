"""Grants: what a producer's owner lets one consumer see of a product beyond `serves`, for a purpose and until a day."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Status = Literal["requested", "approved", "revoked"]
STATUSES: tuple[str, ...] = typing.get_args(Status)
Standing = Literal["approved", "requested", "revoked", "expired", "void"]
GrantMask = Literal["none", "partial", "hash", "null"]
GRANT_MASKS: tuple[str, ...] = typing.get_args(GrantMask)
_BOUND = re.compile(r"\s*(?P<sign>>=|<)\s*(?P<major>\d+)\s*\Z")


@dataclass(frozen=True)
class Majors:
    """The majors a grant is for: those listed, or all from `first` on and below `below`."""

    listed: tuple[int, ...] = ()
    first: int = 0
    below: int | None = None

    @classmethod
    def parse(cls, value: object) -> Majors:
        """The majors a list `[1, 2]` or a range `">=1,<3"` names; ValueError for anything else."""
        if isinstance(value, list) and value and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value):
            return cls(tuple(sorted(set(value))))
        bounds = [_BOUND.match(part) for part in value.split(",")] if isinstance(value, str) else [None]
        found = {bound["sign"]: int(bound["major"]) for bound in bounds if bound}
        if None in bounds or len(found) < len(bounds) or ">=" not in found:
            raise ValueError("not majors")
        return cls((), found[">="], found.get("<"))

    def __contains__(self, major: object) -> bool:
        if not isinstance(major, int):
            return False
        if self.listed:
            return major in self.listed
        return major >= self.first and (self.below is None or major < self.below)

    def __str__(self) -> str:
        return ", ".join(map(str, self.listed)) or str(self.describe())

    def describe(self) -> list[int] | str:
        """The majors as the file writes them."""
        return list(self.listed) or f">={self.first}" + ("" if self.below is None else f",<{self.below}")


@dataclass(frozen=True)
class Grant:
    """One grant: `consumer` sees the columns and classes of `producer`'s product, each as its mask says, in the rows that `rows` keeps.

    While it stands it has the last word on what it names, also where `serves` says something else. `mask` says how a column is
    seen: "none" (the default: its values), "partial", "hash" or "null". `rows` is a condition over the product's columns.
    `expires` is the last day, UTC, on which it stands.
    """

    producer: str
    consumer: str
    product: str
    majors: Majors
    purpose: str
    expires: date
    status: Status
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    mask: Mapping[str, GrantMask] = field(default_factory=dict)
    rows: str | None = None
    approver: str | None = None

    @property
    def name(self) -> str:
        """`<consumer>.<product>`: the file's name without its end."""
        return f"{self.consumer}.{self.product}"

    @property
    def file(self) -> str:
        """Where the grant is, from the mesh's root."""
        return grant_file(self.producer, self.name)

    def standing(self, owner: str, today: date) -> tuple[Standing, str]:
        """Whether the grant holds on a day, and in a few words why not; only an approved one does.

        Args:
            owner: the product's owner; an approval by anyone else is void.
            today: the day, UTC.
        """
        if self.status == "revoked":
            return "revoked", "was revoked"
        if self.status == "requested":
            return "requested", f"waits for {owner}"
        if self.approver != owner:
            return "void", f"approved by {self.approver}, and the owner is {owner}"
        if today > self.expires:
            return "expired", f"ended on {self.expires}"
        return "approved", ""

    def opens(self, column: Mapping[str, Any]) -> GrantMask | None:
        """How the consumer sees a described column; None when the grant does not name it."""
        if column["name"] in self.columns or column["classification"] in self.classes:
            return self.mask.get(column["name"], "none")
        return None

    def describe(self) -> dict[str, Any]:
        """The grant as its file holds it, what is empty left out."""
        written = {
            "consumer": self.consumer,
            "product": self.product,
            "majors": self.majors.describe(),
            "columns": list(self.columns),
            "classes": list(self.classes),
            "mask": dict(self.mask),
            "rows": self.rows,
            "purpose": self.purpose,
            "expires": self.expires.isoformat(),
            "status": self.status,
            "approver": self.approver,
        }
        return {name: value for name, value in written.items() if value}


def grant_file(producer: str, name: str) -> str:
    """Where a grant named `<consumer>.<product>` is, from the mesh's root."""
    return f"domains/{producer}/grants/{name}.yaml"


def strictest(masks: Sequence[GrantMask]) -> GrantMask:
    """The mask that shows least."""
    return max(masks, key=GRANT_MASKS.index)
