"""Addresses: `<domain>.<product>@<major>`, optionally with a snapshot `#<version>`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dagmesh.errors import AddressError

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_ADDRESS = re.compile(r"(?P<domain>[a-z][a-z0-9_]*)\.(?P<product>[a-z][a-z0-9_]*)(@(?P<major>\d+))?(#(?P<snapshot>\d+))?\Z")


@dataclass(frozen=True, order=True)
class Address:
    """Where a product is found. `major` None means the latest major, `snapshot` None the latest snapshot."""

    domain: str
    product: str
    major: int | None = None
    snapshot: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address a text names.

        Raises:
            AddressError: the text is not `domain.product`, `domain.product@1` or `domain.product@1#12`.
        """
        match = _ADDRESS.match(text)
        if match is None:
            raise AddressError(
                f"'{text}' is not an address; write <domain>.<product>, <domain>.<product>@<major> or "
                "<domain>.<product>@<major>#<snapshot>, for example orders.purchase_patterns@1."
            )
        major, snapshot = match["major"], match["snapshot"]
        return cls(match["domain"], match["product"], int(major) if major else None, int(snapshot) if snapshot else None)

    @property
    def name(self) -> str:
        """`domain.product`, whatever the major."""
        return f"{self.domain}.{self.product}"

    @property
    def key(self) -> list[str]:
        """The Dagster asset key's path: `[domain, product_v<major>]`."""
        return [self.domain, f"{self.product}_v{self.major}"]

    def at_major(self, major: int) -> Address:
        """The same product at a given major."""
        return replace(self, major=major)

    def at_snapshot(self, snapshot: int) -> Address:
        """The same product and major at a given snapshot."""
        return replace(self, snapshot=snapshot)

    def __str__(self) -> str:
        major = "" if self.major is None else f"@{self.major}"
        snapshot = "" if self.snapshot is None else f"#{self.snapshot}"
        return f"{self.name}{major}{snapshot}"
