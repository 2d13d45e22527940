"""The one resolver: address -> may the reader? -> snapshot -> relation. There is no second way to read a product."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from dagmesh.consume.access import check_access, hidden_columns
from dagmesh.errors import NotPublished, UntrustedSnapshot, nearest
from dagmesh.lake.lake import Lake
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address


@dataclass(frozen=True)
class Reading:
    """One resolved read.

    `address` carries the snapshot that was read; `sql` is FROM-able text over its files; `product` is the product as the
    snapshot's publication describes it; `hidden` are the columns the reader sees as NULL.
    """

    address: Address
    snapshot: Snapshot
    sql: str
    product: Mapping[str, Any]
    hidden: frozenset[str]


@dataclass(frozen=True)
class Resolver:
    """Reads products of a lake for one reader: a domain's name, or `analyst`."""

    lake: Lake
    reader: str

    def resolve(self, address: str | Address, days: Collection[date] | None = None) -> Reading:
        """The product's rows as of its newest snapshot, or of the address's own; of the given days only, if any.

        Raises:
            AddressError: not an address. NotPublished: no such product or snapshot yet.
            AccessRefused: the product does not serve the reader. UntrustedSnapshot: the snapshot does not verify.
        """
        address = self.completed(Address.parse(address) if isinstance(address, str) else address)
        snapshot = self.lake.table(address).snapshot(address.snapshot)
        product = snapshot.publication.product
        now = product if address.snapshot is None else self._now(snapshot)
        check_access(now, address, self.reader)
        hidden = hidden_columns(product, self.reader) | hidden_columns(now, self.reader)
        sql = _masked(snapshot.sql(days), product, hidden)
        return Reading(address.at_snapshot(snapshot.version), snapshot, sql, product, hidden)

    def _now(self, snapshot: Snapshot) -> Mapping[str, Any]:
        """The product as its newest trusted publication describes it: who may read what is said today, also of old snapshots."""
        table = self.lake.table(snapshot.address)
        try:
            return table.snapshot().publication.product
        except UntrustedSnapshot as error:
            return (snapshot if error.last_good is None else table.snapshot(error.last_good)).publication.product

    def completed(self, address: Address) -> Address:
        """The address with its major: the newest published one when it names none."""
        if address.major is not None:
            return address
        majors = [published.major for published in self.lake.addresses() if published.name == address.name and published.major is not None]
        if not majors:
            names = sorted({published.name for published in self.lake.addresses()})
            raise NotPublished(
                f"{address.name} is not published in this lake.{nearest(address.name, names)} See what is: dagmesh list",
                address=str(address),
            )
        return address.at_major(max(majors))


def _masked(sql: str, product: Mapping[str, Any], hidden: frozenset[str]) -> str:
    if not hidden:
        return sql
    columns = product["contract"]["columns"]
    shown = ", ".join(f'CAST(NULL AS {c["type"]}) AS "{c["name"]}"' if c["name"] in hidden else f'"{c["name"]}"' for c in columns)
    return f"(SELECT {shown} FROM {sql})"
