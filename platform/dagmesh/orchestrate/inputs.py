"""A product's input ports as they are now: which days are there, what they were made of, and their rows as SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from dagmesh.consume.resolver import Resolver
from dagmesh.errors import NotPublished
from dagmesh.lake.private import PrivateStore
from dagmesh.model.address import Address
from dagmesh.model.domain import Domain, Product
from dagmesh.model.product import Read
from dagmesh.orchestrate.domain_events import FeedWindow
from dagmesh.orchestrate.fingerprints import digest, window
from dagmesh.orchestrate.folding import Folding

Key = tuple[str, str]


@dataclass(frozen=True)
class Input:
    """One input port, resolved.

    `key` is the asset key of what it reads. `days` maps each day of a daily source to the digest of its rows' files; it is
    empty for a whole source. `whole` is the digest of all rows. `through` is the newest day the rows cover, None where days
    mean nothing to them. `record` is what the publication says of the input. `completeness` gives what the rows of some days
    inherit (None: of all). `version`, of a projection's events, says what its rows of some days are made of.
    """

    read: Read
    key: Key
    source: str
    daily: bool
    days: Mapping[date, str]
    whole: str
    through: date | None
    sql: Callable[[Collection[date] | None], str | FeedWindow]
    completeness: Callable[[Collection[date] | None], float]
    record: Mapping[str, Any]
    version: Callable[[Collection[date]], str] | None = None

    def seen(self, days: Collection[date]) -> set[date] | None:
        """The days of this input that a run for `days` sees; None for all. No `days` means a whole product's run."""
        if not self.daily:
            return None
        if days:
            return window(days, (self.read.days or 1) - 1, self.read.late_days) & set(self.days)
        return set(sorted(self.days)[-self.read.days :]) if self.read.days else None

    def missing(self, day: date) -> bool:
        """Whether the input does not cover the day yet."""
        return day not in self.days if self.daily else self.through is not None and day > self.through

    def digest(self, days: Collection[date]) -> str:
        """What a run for `days` is made of, of this input.

        A whole input does not date a daily product's days: they are made with what was known then, and a new snapshot of
        the reference does not restate them.
        """
        if self.version:
            return self.version(days)
        if not self.daily:
            return "" if days else self.whole
        seen = self.seen(days)
        return digest(f"{day}={self.days[day]}" for day in sorted(self.days if seen is None else seen))


@dataclass(frozen=True)
class Ports:
    """Resolves the input ports of one domain's products. `folded` is what a run has of the domain's events; who only plans has none."""

    domain: Domain
    resolver: Resolver
    private: PrivateStore
    folded: Folding | None = None

    def with_folding(self, folding: Folding) -> Ports:
        """The ports of one run, with the events it needs."""
        return replace(self, folded=folding)

    def address(self, read: Read) -> Address | None:
        """The product a port reads, of this or another domain; None for a private table."""
        return read.address or self.domain.newest.get(read.source)

    def key(self, read: Read) -> Key:
        """The asset key of what a port reads."""
        address = self.address(read)
        return (address.key[0], address.key[1]) if address else (self.domain.name, read.source)

    def resolve(self, product: Product) -> tuple[Input, ...]:
        """Every data input of the product as it is now.

        Raises:
            NotPublished: a source has nothing published yet.
            AccessRefused, UntrustedSnapshot: a source must not be read.
        """
        return tuple(self.resolve_port(product, read) for read in product.inputs)

    def resolve_port(self, product: Product, read: Read) -> Input:
        """One input of the product as it is now; raises what `resolve` raises."""
        if read.form == "events":
            return self._of_feed(product, read)
        address = self.address(read)
        return self._of_product(product, read, address) if address else self._of_table(product, read)

    def _of_product(self, product: Product, read: Read, address: Address) -> Input:
        resolver = replace(self.resolver, purpose=read.purpose)
        try:
            look = resolver.look(address)
        except NotPublished as error:
            raise NotPublished(f"{product.address} waits for {address}: it has no snapshot yet.", address=str(address)) from error
        snapshot = look.snapshot
        return Input(
            read=read,
            key=self.key(read),
            source=str(look.address),
            daily=snapshot.publication.product["partitioned_by"] is not None,
            days=snapshot.day_digests,
            whole=snapshot.digest,
            through=max(snapshot.days, default=snapshot.publication.through),
            sql=lambda days: resolver.resolve(look.address, days).sql,
            completeness=snapshot.completeness,
            record={"address": str(address), "snapshot": snapshot.version},
        )

    def _of_feed(self, product: Product, read: Read) -> Input:
        """A feed's events; of a projection, what is folded of them."""
        port = self._of_table(product, read)
        folding = self.folded or Folding.planned(self.private.folder.parent, product)

        def window_of(days: Collection[date] | None) -> FeedWindow:
            if days and read.days and not product.partitioned_by:  # a late event may be older than all files
                days = {*days, max(days) - timedelta(days=read.days - 1)}
            return folding.window(read.source, days)

        port = replace(port, sql=window_of, record={"feed": read.source, **folding.record})
        return replace(port, version=folding.version) if product.projection else port

    def _of_table(self, product: Product, read: Read) -> Input:
        table = self.private.table(read.source)
        days = table.days()
        if not days and not table.exists():
            message = f"{product.address} waits for {self.domain.name}'s private table {read.source}: it has not run yet."
            raise NotPublished(message, address=read.source)
        return Input(
            read=read,
            key=self.key(read),
            source=read.source,
            daily=bool(days),
            days=days,
            whole=table.digest(),
            through=max(days, default=None),
            sql=table.sql,
            completeness=table.completeness,
            record={"table": read.source},
        )


def refused_for(product: Product, inputs: Collection[Input], days: Collection[date]) -> str:
    """The fingerprint of all that a refusal hangs on: what the rows are made of, and how much of it arrived."""
    return digest([made_of(product, inputs, days), *(str(i.completeness(i.seen(days))) for i in inputs)])


def made_of(product: Product, inputs: Collection[Input], days: Collection[date]) -> str:
    """The fingerprint of what a run of the product for `days` would be made of: contract, code and input rows."""
    parts = [product.contract.fingerprint(), product.code_version(), *(f"{i.read.parameter}={i.digest(days)}" for i in inputs)]
    return digest(parts)
