"""How well a promise was kept: the share of each day, from publications alone."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dagmesh.consume.promise_history import KeptDay, kept_share, promise_history
from dagmesh.consume.promise_kept import promise_kept
from dagmesh.model.promise import Promise

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Published:
    published_at: datetime
    through: date | None = None
    completeness: float = 1.0
    promise: dict[str, Any] = field(default_factory=lambda: Promise(available_by="08:00", max_lag="24h", min_completeness=0.9).describe())


def shares(days: list[KeptDay]) -> dict[int, float | None]:
    return {day.day.day: None if day.share is None else round(day.share, 3) for day in days}


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_a_daily_product_is_kept_until_the_next_day_is_due_and_again_from_when_it_is_published() -> None:
    published = [
        Published(at(17, 6), date(2026, 11, 16)),
        Published(at(18, 14), date(2026, 11, 17)),
        Published(at(19, 6), date(2026, 11, 18)),
    ]

    days = promise_history(published, NOW, days=5)

    # due each day at 8; the 18th it came at 14; the 20th it did not come
    assert shares(days) == {16: None, 17: 1.0, 18: 0.75, 19: 1.0, 20: round(8 / 12, 3)}


def test_a_product_without_days_is_kept_for_its_lag() -> None:
    days = promise_history([Published(at(18, 6))], NOW, days=3)

    assert shares(days) == {18: 1.0, 19: 0.25, 20: 0.0}


def test_an_incomplete_publication_keeps_nothing_until_the_next() -> None:
    days = promise_history([Published(at(19, 0), completeness=0.5), Published(at(19, 18))], NOW, days=2)

    assert shares(days) == {19: 0.25, 20: 1.0}


def test_before_the_first_publication_nothing_is_said() -> None:
    assert {day.share for day in promise_history([], NOW)} == {None}
    assert kept_share(promise_history([], NOW)) is None
    assert len(promise_history([], NOW)) == 90


def test_the_share_of_all_days_is_that_of_the_days_seen() -> None:
    assert kept_share([KeptDay(date(2026, 11, 1), None), KeptDay(date(2026, 11, 2), 1.0), KeptDay(date(2026, 11, 3), 0.5)]) == 0.75


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 5), st.sampled_from([0.5, 1.0])), max_size=8),
    st.integers(1, 240),
    st.booleans(),
)
def test_a_days_share_is_that_of_its_hours_in_which_the_promise_is_kept(
    said: list[tuple[int, int, float]], now: int, is_daily: bool
) -> None:
    """Everything happens on the hour, so that an hour is kept as its middle is."""
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    published = [
        Published(begin + timedelta(hours=hours), (begin + timedelta(hours=hours, days=-lag)).date() if is_daily else None, share)
        for hours, lag, share in sorted({hours: (hours, lag, share) for hours, lag, share in said if hours < now}.values())
    ]
    hours: dict[date, list[bool]] = {}
    for hour in range(now):
        middle = begin + timedelta(hours=hour, minutes=30)
        newest = next((one for one in reversed(published) if one.published_at < middle), None)
        if newest:
            kept = promise_kept({"promise": newest.promise}, newest.through, newest.published_at, newest.completeness, middle)
            hours.setdefault(middle.date(), []).append(kept.kept)

    days = promise_history(published, begin + timedelta(hours=now), days=30)

    assert {day.day: round(day.share, 6) for day in days if day.share is not None} == {
        day: round(sum(found) / len(found), 6) for day, found in hours.items()
    }
