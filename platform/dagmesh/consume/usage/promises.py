"""Which promises were kept on a day: each product at the moment its day was due, by its publications."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from dagmesh.consume.promise_kept import promise_kept
from dagmesh.consume.usage.publication_days import PublicationDays
from dagmesh.lake.publication import Publication
from dagmesh.model.promise import Promise


@dataclass(frozen=True)
class PromiseOfDay:
    """What a product promised for a moment of a day, and whether it was so; `newest_day` is the newest that it covered then."""

    day: date
    product: str
    major: int
    owner: str
    due_at: datetime
    is_kept: bool
    words: str
    newest_day: date | None
    published_at: datetime
    completeness: float


def promises_of(published: PublicationDays, day: date) -> Iterator[PromiseOfDay]:
    """Every product's promise of a day; none of a product that was not published before it was due, or whose sunset was before.

    A product with days is asked when one of them is due, one without at the end of the day.
    """
    end = datetime.combine(day + timedelta(days=1), time(), UTC)
    for address, _ in published.at(end):
        at_the_end = published.newest(address, end)
        moment = _due(at_the_end, day, end) if at_the_end else None
        found = published.newest(address, moment) if moment else None
        if moment is None or found is None or _is_over(found, day):
            continue
        newest_day = found.through
        kept = promise_kept(found.product, newest_day, found.published_at, found.completeness, moment)
        said = moment, kept.kept, kept.words, newest_day, found.published_at, found.completeness
        yield PromiseOfDay(day, address.name, address.major or 0, found.product["owner"], *said)


def _due(publication: Publication, day: date, end: datetime) -> datetime | None:
    """The moment of the day at which the promise is due; None when none of its days is."""
    if publication.through is None:
        return end
    promise = Promise(**publication.product["promise"])
    moments = (promise.due(day - timedelta(days=before)) for before in (1, 2))
    return next((moment for moment in moments if moment.date() == day), None)


def _is_over(publication: Publication, day: date) -> bool:
    sunset = publication.product.get("sunset")
    return sunset is not None and date.fromisoformat(sunset) < day
