"""What can be made, as nodes of one graph: products and private tables, each knowing what is stale and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dagmesh.errors import NotPublished
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.refusals import Refusal, Refusals
from dagmesh.model.domain import Product
from dagmesh.orchestrate.fingerprints import digest
from dagmesh.orchestrate.inputs import Input, Ports, made_of
from dagmesh.orchestrate.private_assets import PrivateTable, files_state

Key = tuple[str, str]
Made = Mapping[date | None, str]


@dataclass(frozen=True)
class State:
    """What there is to do at a node.

    `days` to make (none: the whole) with the reason, days that wait with for what, and days that were refused and are made
    of the same still, with why.
    """

    stale: bool = False
    days: tuple[date, ...] = ()
    reason: str = ""
    waiting: Mapping[date | None, str] = field(default_factory=dict)
    refused: Mapping[date | None, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProductNode:
    """A product."""

    product: Product
    ports: Ports

    @property
    def key(self) -> Key:
        """Its asset key."""
        domain, name = self.product.address.key
        return domain, name

    @property
    def daily(self) -> bool:
        """Whether it is made a day at a time."""
        return self.product.partitioned_by is not None

    @property
    def upstream(self) -> tuple[Key, ...]:
        """The asset keys it reads."""
        found = [(read, self.ports.address(read)) for read in self.product.inputs]
        return tuple((a.key[0], a.key[1]) if a else (self.key[0], read.source) for read, a in found)

    def wanted(self, days: Collection[date]) -> str:
        """The fingerprint of what a run for `days` would be made of now; empty while an input has nothing at all."""
        try:
            return made_of(self.product, self.ports.resolve(self.product), days)
        except NotPublished:
            return ""

    def state(self, days: Collection[date]) -> State:
        """What there is to do for `days`, the inputs being what they are now."""
        try:
            inputs = self.ports.resolve(self.product)
        except NotPublished as error:
            return State(waiting={None: str(error)})
        lake = self.ports.resolver.lake
        made = lake.table(self.product.address).fingerprints()
        refusals = Refusals.of(lake.home, self.product.address).standing()
        if not self.daily:
            return self._whole_state(inputs, made, refusals)
        return self._daily_state(inputs, made, refusals, days)

    def _whole_state(self, inputs: Collection[Input], made: Made, refusals: Mapping[date | None, Refusal]) -> State:
        wanted = made_of(self.product, inputs, [])
        if None in refusals and refusals[None].made_of == wanted:
            return State(refused={None: f"{self.product.address} is refused: {refusals[None].why}"})
        return _whole_state(made.get(None), wanted)

    def _daily_state(
        self, inputs: Collection[Input], made: Made, refusals: Mapping[date | None, Refusal], days: Collection[date]
    ) -> State:
        waiting: dict[date | None, str] = {}
        refused: dict[date | None, str] = {}
        stale = []
        for day in sorted(days):
            wanted = made_of(self.product, inputs, [day])
            missing = [i.source for i in inputs if i.missing(day)]
            if missing:
                waiting[day] = f"{self.product.address} {day} waits for {', '.join(missing)}"
            elif day in refusals and refusals[day].made_of == wanted:
                refused[day] = f"{self.product.address} {day} is refused: {refusals[day].why}"
            elif made.get(day) != wanted:
                stale.append(day)
        new = [day for day in stale if day not in made]
        reason = "not published yet" if new else "inputs, code or contract changed"
        return State(bool(stale), tuple(stale), reason, waiting, refused)


@dataclass(frozen=True)
class TableNode:
    """A private table of a domain."""

    domain: str
    table: PrivateTable
    store: PrivateStore

    @property
    def key(self) -> Key:
        """Its asset key."""
        return self.domain, self.table.name

    @property
    def daily(self) -> bool:
        """Whether it is made a day at a time."""
        return self.table.daily

    @property
    def upstream(self) -> tuple[Key, ...]:
        """The asset keys it reads."""
        return tuple((self.domain, name) for name in self.table.upstream)

    def wanted(self, days: Collection[date]) -> str:
        """The fingerprint of what a run for `days` would be made of now."""
        return digest(self.made_of(day) for day in _or_whole(sorted(days)))

    def made_of(self, day: date | None) -> str:
        """The fingerprint of what a run for `day` would be made of: code, files and the private tables it reads."""
        files = files_state(self.table.files, "*" if day is None else day.isoformat())
        upstream = [self.store.table(name).digest() for name in self.table.upstream]
        return digest([self.table.made_by, files, *upstream])

    def state(self, days: Collection[date]) -> State:
        """What there is to do for `days`, the files being what they are now."""
        made = self.store.table(self.table.name).fingerprints()
        if not self.daily:
            return _whole_state(made.get(None), self.made_of(None))
        waiting: dict[date | None, str] = {}
        stale = []
        for day in sorted(days):
            if self.table.files and not files_state(self.table.files, day.isoformat()):
                waiting[day] = f"{self.domain}'s {self.table.name} {day} waits for {self.table.files.replace('{day}', day.isoformat())}"
            elif made.get(day) != self.made_of(day):
                stale.append(day)
        return State(bool(stale), tuple(stale), "new or changed files or code", waiting)


Node = ProductNode | TableNode


def _or_whole(days: Collection[date]) -> Sequence[date | None]:
    """The days, or None alone, which stands for a whole table."""
    return [*days] or [None]


def _whole_state(made: str | None, wanted: str) -> State:
    if made == wanted:
        return State()
    return State(True, (), "not published yet" if made is None else "inputs, code or contract changed")
