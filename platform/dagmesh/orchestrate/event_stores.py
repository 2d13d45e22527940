"""A domain's event store in a run: fed by its plain assets, read by its projections and by functions over events."""

# No `from __future__ import annotations` here: Dagster reads the fields' types.

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.feeds.json_lines_store import Export, feed_json_lines
from dagmesh.events.segments import seal, sealed_head
from dagmesh.events.store import EventStore
from dagmesh.lake.owner_only import private_home
from dagmesh.orchestrate.domain_events import event_store
from dagmesh.orchestrate.resources import LakeResource

LONG_TAIL = 250_000  # events that are not sealed: to read them again and again costs more than to seal them


@dataclass(frozen=True)
class Arrivals:
    """What a feed's run brought, by day (None: a file without a day): how many events the exports hold, and the share that arrived."""

    exports: Mapping[date | None, Export]
    appended: int
    dead: int
    closed: bool

    @classmethod
    def so_far(cls, store: EventStore, fed: Fed) -> "Arrivals":
        """What a feed without exports brought, a queue or a table: nothing announces how much there is to come."""
        head = store.head().position
        return cls({None: Export(None, head, head)}, fed.appended, fed.dead, closed=False)

    def completeness(self, day: date | None) -> float:
        """The share of the day's announced events that arrived; of an export that was cut off, none."""
        export = self.exports[day]
        return 0.0 if self.closed and export.announced is None else export.completeness


class EventStoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """The domain's event store, for the plain assets that feed it."""

    lake: dg.ResourceDependency[LakeResource]
    domain: str

    @contextmanager
    def opened(self, feed: str) -> Iterator[tuple[EventStore, DeadLetters]]:
        """The store, and the dead letters of the feed of that name, for any of `dagmesh.events.feeds`.

        with events.opened("nats") as (store, letters):
            return dm.Arrivals.so_far(store, feed_nats_jetstream(store, source, letters))
        """
        home = private_home(self.lake.lake.home, self.domain)
        with event_store(home, self.domain, register=True) as store:
            yield store, DeadLetters(home / "dead_letters" / f"{feed}.jsonl")
            while store.head().position - sealed_head(store).position >= LONG_TAIL:
                seal(store, self.lake.lake.signing_key(self.domain))

    def feed_json_lines(self, pattern: str, days: Sequence[date] = (), *, closed: bool = False) -> Arrivals:
        """Bring the days' exports into the store: each event once, what is none among the dead letters with its reason.

        Args:
            pattern: path of a day's file with `{day}` in it, or of the one file there is.
            days: the days wanted, oldest first; each has its file.
            closed: the source closes every export with ExportClosed; one that is not closed was cut off.

        Raises:
            FileNotFoundError: a day has no file.
            EventRefused: the store cannot be written.
        """
        wanted: list[date | None] = [*days] if "{day}" in pattern else [None]
        paths = {day: Path(pattern.replace("{day}", str(day))) for day in wanted}
        absent = [path for path in paths.values() if not path.exists()]
        if absent:
            raise FileNotFoundError(f"{absent[0]} has not arrived ({len(absent)} of {len(paths)} exports are missing).")
        with self.opened("json_lines") as (store, letters):
            fed = feed_json_lines(store, paths.values(), letters)
        exports = {day: fed.exports[path] for day, path in paths.items()}
        return Arrivals(exports, fed.fed.appended, fed.fed.dead, closed)


def arrived_metadata(arrivals: Arrivals) -> dict[str, Any]:
    """What the UI shows of a feed's run; no payloads."""
    shares = [arrivals.completeness(day) for day in arrivals.exports]
    return {"events": arrivals.appended, "dead_letters": arrivals.dead, "arrived": min(shares, default=1.0)}
