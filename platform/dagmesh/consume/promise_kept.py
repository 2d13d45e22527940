"""Whether a product's promise is kept right now, computed from its publications, never from the orchestrator's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from dagmesh.model.promise import Promise


@dataclass(frozen=True)
class Kept:
    """A promise's state: kept or not, and in which words."""

    kept: bool
    words: str


def promise_kept(product: Mapping[str, Any], newest_day: date | None, published_at: datetime, completeness: float, now: datetime) -> Kept:
    """Whether the product is as fresh and complete as promised at `now`.

    A daily product is on time while the newest day it could owe is published: yesterday from `available_by` on, the day
    before until then. `max_lag` counts from the end of the newest day, or for a whole product from its publication.

    Args:
        product: the product as its newest publication describes it.
        newest_day: its newest published day; None for a whole product.
        published_at: when the newest snapshot was published.
        completeness: the share of complete records of the newest snapshot.
        now: the moment it is asked.
    """
    promise = Promise(**product["promise"])
    if completeness < promise.min_completeness:
        return Kept(False, f"{completeness:.1%} complete, promised {promise.min_completeness:.1%}")
    if newest_day is None:
        return _fresh(now - published_at, promise, f"published {published_at:%Y-%m-%d %H:%M} UTC")
    owed = now.date() - timedelta(days=1)
    owed = owed if now >= promise.due(owed) else owed - timedelta(days=1)
    if newest_day < owed:
        late = now - promise.due(newest_day + timedelta(days=1))
        return Kept(False, f"{words(late)} late (due {promise.available_by} {promise.timezone}; last {newest_day})")
    end_of_day = datetime.combine(newest_day + timedelta(days=1), time(), UTC)
    return _fresh(now - end_of_day, promise, f"newest day {newest_day}")


def _fresh(age: timedelta, promise: Promise, what: str) -> Kept:
    # The day that is owed next is not late before its own hour, so a daily product may age by one day and that hour.
    allowed = max(promise.lag, timedelta(days=1)) + timedelta(hours=int(promise.available_by[:2]), minutes=int(promise.available_by[3:]))
    if age <= allowed:
        return Kept(True, what)
    return Kept(False, f"{words(age)} old, promised at most {promise.max_lag} ({what})")


def words(length: timedelta) -> str:
    """A length of time as people say it: `3 h 10 min`, `2 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
