"""What can be made, as nodes of one graph: products and private tables, each knowing what is stale and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dagmesh.consume.usage.records import Records
from dagmesh.errors import DagmeshError, NotPublished, UntrustedSnapshot
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.refusals import Refusals
from dagmesh.model.domain import Product
from dagmesh.orchestrate.fingerprints import digest, window
from dagmesh.orchestrate.inputs import Input, Key, Ports, made_of, refused_for
from dagmesh.orchestrate.private_assets import PrivateTable, Reach, files_state

Made = Mapping[date | None, str]
NEW, CHANGED = "not published yet", "inputs, code or contract changed"


@dataclass(frozen=True)
class Wait:
    """Why a day cannot be made yet, in a sentence; empty words where what was made of it before is good enough.

    `sources` are the inputs that lack the day. Without any it waits for something that no run makes.
    """

    words: str
    sources: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class State:
    """What there is to do at a node.

    `days` to make (none: the whole) with the reason, days that wait with for what, and days that were refused and are made
    of the same still, with why.
    """

    stale: bool = False
    days: tuple[date, ...] = ()
    reason: str = ""
    waiting: Mapping[date | None, Wait] = field(default_factory=dict)
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
    def upstream(self) -> Mapping[Key, Reach | None]:
        """The asset keys it reads, and how many days back and ahead of its own day."""
        found: dict[Key, Reach | None] = {}
        for read in self.product.inputs:
            back, ahead = found.get(self.ports.key(read)) or (0, 0)
            found[self.ports.key(read)] = max(back, (read.days or 1) - 1), max(ahead, read.late_days)
        return found

    def changes(self, days: Collection[date]) -> dict[date | None, str]:
        """For each day (of what is not daily for the whole, as None) a fingerprint of what is there and of what a run would make of it."""
        made = self.ports.resolver.lake.table(self.product.address).fingerprints()
        try:
            inputs = self.ports.resolve(self.product)
        except DagmeshError:
            return {day: made.get(day, "") for day in _parts(self.daily, days)}
        parts = _parts(self.daily, days)
        return {day: digest([made.get(day, ""), refused_for(self.product, inputs, [day] if day else [])]) for day in parts}

    def state(self, days: Collection[date]) -> State:
        """What there is to do for `days`, the inputs being what they are now."""
        inputs, absent = self._inputs()
        lake = self.ports.resolver.lake
        try:
            made = lake.table(self.product.address).fingerprints(days)
        except UntrustedSnapshot as error:
            return State(waiting={None: Wait(str(error))})
        waiting: dict[date | None, Wait] = {}
        refused: dict[date | None, str] = {}
        stale: list[date | None] = []
        refusals = Refusals.of(lake.home, self.product.address).standing()
        for day in _parts(self.daily, days):
            wait = self._wait(inputs, absent, day)
            if wait:
                waiting[day] = Wait("", wait.sources) if day in made and not absent else wait
                continue
            wanted = made_of(self.product, inputs, [day] if day else [])
            # A rollback refuses what was made of the same, an audit what was as complete besides.
            if day in refusals and refusals[day].made_of in (wanted, refused_for(self.product, inputs, [day] if day else [])):
                refused[day] = f"{self.product.address}{_of(day)} is refused: {refusals[day].why}"
            elif made.get(day) != wanted:
                stale.append(day)
        return _state(stale, made, waiting, refused)

    def _inputs(self) -> tuple[list[Input], list[Wait]]:
        """The inputs there are, and why each of the others cannot be read."""
        inputs: list[Input] = []
        absent: list[Wait] = []
        for read in self.product.inputs:
            try:
                inputs.append(self.ports.resolve_port(self.product, read))
            except NotPublished as error:
                absent.append(Wait(str(error), frozenset([self.ports.key(read)])))
            except DagmeshError as error:  # who may not read, or must not, is told; the others go on
                absent.append(Wait(f"{self.product.address} cannot be made: {error}"))
        return inputs, absent

    def _wait(self, inputs: Sequence[Input], absent: Sequence[Wait], day: date | None) -> Wait | None:
        """Why the day (None: the whole) cannot be made of the inputs; None when it can."""
        if not all(wait.sources for wait in absent):
            return next(wait for wait in absent if not wait.sources)
        missing = [i for i in inputs if day and i.missing(day)]
        named = [f"{self.product.address}{_of(day)} waits for {', '.join(i.source for i in missing)}"] if missing else []
        words = "; ".join([*named, *(wait.words for wait in absent)])
        sources = frozenset(i.key for i in missing).union(*(wait.sources for wait in absent))
        return Wait(words, sources) if sources else None


@dataclass(frozen=True)
class TableNode:
    """A private table of a domain; `records` are the platform's, for a table that is made of them."""

    domain: str
    table: PrivateTable
    store: PrivateStore
    records: Records

    @property
    def key(self) -> Key:
        """Its asset key."""
        return self.domain, self.table.name

    @property
    def daily(self) -> bool:
        """Whether it is made a day at a time."""
        return self.table.daily

    @property
    def upstream(self) -> Mapping[Key, Reach | None]:
        """The asset keys it reads, and how many days back and ahead of its own day; None: all of them."""
        return {(self.domain, name): reach for name, reach in self.table.upstream.items()}

    def made_of(self, day: date | None, recorded: str | None = None) -> str:
        """The fingerprint of what a run for `day` would be made of: code, files or records, and the private tables it reads.

        `recorded` is the state of the day's records, where it is not the one they are in now.
        """
        files = files_state(self.table.files, "*" if day is None else day.isoformat())
        if self.table.records and day:
            files = self.records.state(self.table.records, day) if recorded is None else recorded
        upstream = [self._digest(name, reach, day) for name, reach in self.table.upstream.items()]
        return digest([self.table.made_by, files, *upstream])

    def _digest(self, name: str, reach: Reach | None, day: date | None) -> str:
        table = self.store.table(name)
        days = table.days()
        if day is None or reach is None or not days:
            return table.digest()
        return digest(f"{seen}={days[seen]}" for seen in sorted(window([day], *reach) & set(days)))

    def changes(self, days: Collection[date]) -> dict[date | None, str]:
        """For each day (of what is not daily for the whole, as None) a fingerprint of what is there and of what a run would make of it."""
        made = self.store.table(self.table.name).fingerprints()
        return {day: digest([made.get(day, ""), self.made_of(day)]) for day in _parts(self.daily, days)}

    def state(self, days: Collection[date]) -> State:
        """What there is to do for `days`, the files being what they are now."""
        made = self.store.table(self.table.name).fingerprints()
        waiting: dict[date | None, Wait] = {}
        stale: list[date | None] = []
        for day in _parts(self.daily, days):
            wait = self._wait(day)
            if wait:
                waiting[day] = Wait("", wait.sources) if day in made else wait
            elif made.get(day) != self.made_of(day):
                stale.append(day)
        return _state(stale, made, waiting, {})

    def _wait(self, day: date | None) -> Wait | None:
        place = f"{self.domain}'s {self.table.name}{_of(day)}"
        if day and self.table.files and not files_state(self.table.files, day.isoformat()):
            return Wait(f"{place} waits for {self.table.files.replace('{day}', day.isoformat())}")
        missing = [name for name in self.table.upstream if self._lacks(name, day)]
        return Wait(f"{place} waits for {', '.join(missing)}", frozenset((self.domain, name) for name in missing)) if missing else None

    def _lacks(self, name: str, day: date | None) -> bool:
        table = self.store.table(name)
        days = table.days()
        return not table.exists() or bool(day and days and day not in days)


Node = ProductNode | TableNode


def _parts(daily: bool, days: Collection[date]) -> list[date | None]:
    """The days, oldest first; of what is not daily the whole, as None."""
    return [*sorted(days)] if daily else [None]


def _of(day: date | None) -> str:
    return f" {day}" if day else ""


def _state(stale: Sequence[date | None], made: Made, waiting: Mapping[date | None, Wait], refused: Mapping[date | None, str]) -> State:
    new = any(day not in made for day in stale)
    reason = "" if not stale else NEW if new else CHANGED
    return State(bool(stale), tuple(day for day in stale if day), reason, waiting, refused)
