"""The one resolver: address -> may the reader? -> snapshot -> recorded -> relation. There is no second way to read a product."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from dagmesh.consume.access import Access, Asked, access
from dagmesh.consume.grants import Grants
from dagmesh.consume.masks import mask_key, shown_as
from dagmesh.consume.read_log import Asking, ReadLog, ReadRecord
from dagmesh.consume.row_filter import filtered
from dagmesh.errors import AccessRefused, DagmeshError, NotPublished, PolicyViolated, UntrustedSnapshot, nearest
from dagmesh.lake.lake import Lake
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address

JudgeRead = Callable[[str, Address, str | None, date], None]
"""Nothing, when a reader may read an address for a purpose on a day, as far as policies say; else it raises PolicyViolated."""


@dataclass(frozen=True)
class Look:
    """A product that the reader may read, before any of it is read.

    `address` carries the snapshot; `product` is the product as the snapshot's publication describes it; `access` is what the
    reader would see. `price` is what the product costs today, also of an old snapshot.
    """

    address: Address
    snapshot: Snapshot
    product: Mapping[str, Any]
    access: Access
    price: Mapping[str, str] | None

    @property
    def hidden(self) -> frozenset[str]:
        """The columns whose values the reader does not see."""
        return frozenset(self.access.masks)


@dataclass(frozen=True)
class Reading(Look):
    """One resolved and recorded read; `sql` is FROM-able text over its files, masks and row filter in it."""

    sql: str = ""


@dataclass(frozen=True)
class Resolver:
    """Reads products of a lake for one reader: a domain's name, or `analyst`.

    `purpose` is what it reads for, `asking` who is behind it and how it asks, `policies` raises what breaks a policy of reads. A
    resolver for `planning` looks at what is there again and again and reads nothing: what it is refused is not recorded either.
    """

    lake: Lake
    reader: str
    grants: Grants = field(default_factory=Grants)
    purpose: str | None = None
    planning: bool = False
    policies: JudgeRead | None = None
    asking: Asking | None = None

    def resolve(self, address: str | Address, days: Collection[date] | None = None) -> Reading:
        """The product's rows as of its newest snapshot, or of the address's own; of the given days only, if any.

        Raises:
            AddressError: not an address. NotPublished: no such product or snapshot yet.
            AccessRefused: the reader may not. PolicyViolated: a policy is against it.
            UntrustedSnapshot: the snapshot does not verify.
            MeshError: the read cannot be recorded.
        """
        look = self.look(address)
        sql = self._sql(look, days)
        self._log.record(self._record(look, days))
        return Reading(look.address, look.snapshot, look.product, look.access, look.price, sql)

    def look(self, address: str | Address) -> Look:
        """What `resolve` would read, nothing of it read or recorded but a refusal; raises what `resolve` raises of the address."""
        address = self.completed(Address.parse(address) if isinstance(address, str) else address)
        snapshot = self.lake.table(address).snapshot(address.snapshot)
        product = snapshot.publication.product
        now = product if address.snapshot is None else self._now(snapshot)
        moment = datetime.now(UTC)
        try:
            seen = access(Asked(self.reader, address, product, now, moment.date()), self.grants)
            if self.policies:
                self.policies(self.reader, address, self.purpose, moment.date())
        except (AccessRefused, PolicyViolated) as refusal:
            if not self.planning:
                self.refused(address, refusal)
            raise
        return Look(address.at_snapshot(snapshot.version), snapshot, product, seen, now.get("price"))

    def refused(self, address: Address, refusal: DagmeshError) -> None:
        """Record that the reader was refused the product, or what it asked of it."""
        record = ReadRecord(datetime.now(UTC), self.reader, address, purpose=self.purpose, decision="refused", why=str(refusal))
        self._log.record(replace(record, asking=self.asking))

    def _sql(self, look: Look, days: Collection[date] | None) -> str:
        sql = look.snapshot.sql(days, look.access.needed(column["name"] for column in look.product["contract"]["columns"]))
        if look.access.rows:
            sql = filtered(sql, look.access.rows)
        masks = look.access.masks
        if not masks:
            return sql
        key = mask_key(self.lake.home, look.address.domain, self.reader) if "hash" in masks.values() else b""
        shown = [shown_as(column, masks.get(column["name"], "none"), key) for column in look.product["contract"]["columns"]]
        return f"(SELECT {', '.join(shown)} FROM {sql})"

    def _record(self, look: Look, days: Collection[date] | None) -> ReadRecord:
        files = [file for file in look.snapshot.files if days is None or file.day in days]
        return ReadRecord(
            at=datetime.now(UTC),
            reader=self.reader,
            address=look.address,
            columns=tuple(column["name"] for column in look.product["contract"]["columns"] if column["name"] not in look.hidden),
            masked=look.access.masks,
            days=None if days is None else tuple(sorted(days)),
            rows=None if look.access.rows else sum(file.rows for file in files),
            purpose=self.purpose,
            grant=look.access.grant,
            asking=self.asking,
            price=look.price,
        )

    @property
    def _log(self) -> ReadLog:
        return ReadLog(self.lake.home)

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
        latest = self.lake.latest_major(address)
        if latest is None:
            names = sorted({published.name for published in self.lake.addresses()})
            raise NotPublished(
                f"{address.name} is not published in this lake.{nearest(address.name, names)} See what is: dagmesh list",
                address=str(address),
            )
        return replace(latest, snapshot=address.snapshot)
