"""How well a promise was kept: for each day the share of it during which the newest publication was as fresh and complete as promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, pairwise
from typing import Any, Protocol

from dagmesh.consume.promise_kept import kept_until
from dagmesh.model.promise import Promise

DAYS = 90


class Published(Protocol):
    """What is asked of a publication; `promise` is the product's as it was published."""

    @property
    def published_at(self) -> datetime:
        """When, in UTC."""

    @property
    def through(self) -> date | None:
        """The newest day the snapshot covers."""

    @property
    def completeness(self) -> float:
        """The share of complete records."""

    @property
    def promise(self) -> Mapping[str, Any]:
        """The promise as described."""


@dataclass(frozen=True)
class KeptDay:
    """A UTC day and the share of it, 0 to 1, during which the promise was kept; None before the first publication."""

    day: date
    share: float | None


def promise_history(publications: Sequence[Published], now: datetime, days: int = DAYS) -> list[KeptDay]:
    """Each of the last `days` UTC days, today the last one, as far as it has gone.

    Args:
        publications: oldest first; the one that was the newest when the first day began is among them, if there was one.
        now: the moment it is asked.
        days: how many.
    """
    first = now.astimezone(UTC).date() - timedelta(days=days - 1)
    midnights = [datetime.combine(first + timedelta(days=place), time(), UTC) for place in range(days + 1)]
    begun = publications[0].published_at if publications else now
    spans = [*_kept_spans(publications, now)]
    found = []
    for start, after in pairwise(midnights):
        seen = _overlap((start, after), (begun, now))
        kept = sum((_overlap((start, after), span) for span in spans), timedelta())
        found.append(KeptDay(start.date(), kept / seen if seen else None))
    return found


def kept_share(days: Sequence[KeptDay]) -> float | None:
    """The share over all days that were seen; None when none was."""
    shares = [day.share for day in days if day.share is not None]
    return sum(shares) / len(shares) if shares else None


def _kept_spans(publications: Sequence[Published], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From when to when each publication, while it was the newest, kept its promise."""
    ends = chain((following.published_at for following in publications[1:]), [now])
    for publication, end in zip(publications, ends, strict=False):  # without publications there is an end and nothing that ends
        promise = Promise(**publication.promise)
        if publication.completeness >= promise.min_completeness:
            until = kept_until(promise, publication.through, publication.published_at)
            yield publication.published_at, min(end, until)


def _overlap(day: tuple[datetime, datetime], span: tuple[datetime, datetime]) -> timedelta:
    return max(timedelta(), min(day[1], span[1]) - max(day[0], span[0]))
