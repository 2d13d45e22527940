"""Whether a product's promise is kept right now, computed from its publications, never from the orchestrator's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import floor
from typing import Any

from dagmesh.model.promise import Promise


@dataclass(frozen=True)
class Kept:
    """A promise's state: kept or not, and in which words."""

    kept: bool
    words: str


def promise_kept(product: Mapping[str, Any], newest_day: date | None, published_at: datetime, completeness: float, now: datetime) -> Kept:
    """Whether the product is as fresh and complete as promised at `now`.

    A product with days, its own or those its inputs cover, is on time while it has the newest day that is due. One without
    days is fresh while its last publication is at most `max_lag` old.

    Args:
        product: the product as its newest publication describes it.
        newest_day: the newest day it covers; None when days mean nothing to it.
        published_at: when the newest snapshot was published.
        completeness: the share of complete records of the newest snapshot.
        now: the moment it is asked.
    """
    promise = Promise(**product["promise"])
    if completeness < promise.min_completeness:
        return Kept(False, f"{_percent(completeness)} complete, promised {_percent(promise.min_completeness)}")
    if newest_day is None:
        return _fresh(published_at, promise, now)
    due = kept_until(promise, newest_day, published_at)
    if now < due:
        return Kept(True, f"newest day {newest_day}")
    return Kept(False, f"{words(now - due)} late (due {promise.available_by} {promise.timezone}; last {newest_day})")


def kept_until(promise: Promise, newest_day: date | None, published_at: datetime) -> datetime:
    """The moment until which a publication keeps the promise of freshness, if nothing follows it."""
    return published_at + promise.lag if newest_day is None else promise.due(newest_day + timedelta(days=1))


def _fresh(published_at: datetime, promise: Promise, now: datetime) -> Kept:
    what = f"published {published_at:%Y-%m-%d %H:%M} UTC"
    if now <= kept_until(promise, None, published_at):
        return Kept(True, what)
    return Kept(False, f"{words(now - published_at)} old, promised at most {promise.max_lag} ({what})")


def _percent(share: float) -> str:
    """The share in percent, rounded down: what is just short of a promise does not look kept."""
    return f"{floor(round(share * 10_000, 6)) / 100:g}%"


def words(length: timedelta) -> str:
    """A length of time as people say it: `3 h 10 min`, `2 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
