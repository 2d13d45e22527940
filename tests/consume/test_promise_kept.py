"""Whether a promise is kept: complete enough, the newest day that is due is there, or fresh enough where there are no days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagmesh.consume.promise_kept import Kept, promise_kept, words
from dagmesh.model.promise import Promise

NINETEENTH = date(2026, 11, 19)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def kept(promise: Promise, now: datetime, *, newest_day: date | None = NINETEENTH, completeness: float = 1.0) -> Kept:
    product: dict[str, Any] = {"promise": promise.describe()}
    return promise_kept(product, newest_day, at("2026-11-20 03:00"), completeness, now)


def test_a_product_has_until_available_by_of_the_next_day_but_one_to_have_the_next_day() -> None:
    promise = Promise(available_by="08:00")

    assert kept(promise, at("2026-11-20 03:01")) == Kept(True, "newest day 2026-11-19")
    assert kept(promise, at("2026-11-21 07:59")) == Kept(True, "newest day 2026-11-19")


def test_a_product_is_late_from_available_by_on() -> None:
    promise = Promise(available_by="08:00")

    assert kept(promise, at("2026-11-21 08:00")) == Kept(False, "0 min late (due 08:00 UTC; last 2026-11-19)")
    assert kept(promise, at("2026-11-21 11:10")) == Kept(False, "3 h 10 min late (due 08:00 UTC; last 2026-11-19)")
    assert kept(promise, at("2026-11-24 08:00")) == Kept(False, "3 days late (due 08:00 UTC; last 2026-11-19)")


def test_a_product_that_is_ahead_keeps_its_promise() -> None:
    assert kept(Promise(available_by="08:00"), at("2026-11-19 12:00")).kept


@pytest.mark.parametrize(
    ("available_by", "timezone", "due"),
    [
        ("00:00", "UTC", "2026-11-21 00:00"),
        ("23:59", "UTC", "2026-11-21 23:59"),
        ("08:00", "Europe/Vienna", "2026-11-21 07:00"),
        ("08:00", "America/New_York", "2026-11-21 13:00"),
        ("20:00", "America/New_York", "2026-11-22 01:00"),
        ("20:00", "America/Los_Angeles", "2026-11-22 04:00"),
        ("05:30", "Asia/Kolkata", "2026-11-21 00:00"),
        ("09:00", "Asia/Tokyo", "2026-11-21 00:00"),
        # The UTC day ends at 09:00 in Tokyo: what must be there at 08:00 is the day that ended the morning before.
        ("08:00", "Asia/Tokyo", "2026-11-21 23:00"),
        ("08:00", "Pacific/Kiritimati", "2026-11-21 18:00"),
    ],
)
def test_the_hour_is_meant_in_its_own_time_zone_and_never_before_the_day_is_over(available_by: str, timezone: str, due: str) -> None:
    promise = Promise(available_by=available_by, timezone=timezone)

    assert kept(promise, at(due) - MINUTE).kept
    assert kept(promise, at(due)) == Kept(False, f"0 min late (due {available_by} {timezone}; last 2026-11-19)")


def test_the_hour_follows_summer_time() -> None:
    promise = Promise(available_by="08:00", timezone="Europe/Vienna")

    for newest_day, due in ((date(2026, 10, 22), "2026-10-24 06:00"), (date(2026, 10, 24), "2026-10-26 07:00")):
        assert kept(promise, at(due) - MINUTE, newest_day=newest_day).kept
        assert not kept(promise, at(due), newest_day=newest_day).kept


def test_the_lag_says_nothing_of_a_product_with_days() -> None:
    promise = Promise(available_by="08:00", max_lag="1h")

    assert kept(promise, at("2026-11-21 07:59")).kept


def test_a_product_without_days_is_fresh_up_to_its_lag() -> None:
    promise = Promise(max_lag="24h")

    assert kept(promise, at("2026-11-21 03:00"), newest_day=None) == Kept(True, "published 2026-11-20 03:00 UTC")


def test_a_product_without_days_is_old_after_its_lag() -> None:
    promise = Promise(max_lag="24h")

    assert kept(promise, at("2026-11-21 03:01"), newest_day=None) == Kept(
        False, "24 h 1 min old, promised at most 24h (published 2026-11-20 03:00 UTC)"
    )


def test_the_share_of_complete_records_may_be_just_what_was_promised() -> None:
    assert kept(Promise(min_completeness=0.98), at("2026-11-20 09:00"), completeness=0.98).kept


def test_a_product_that_is_not_complete_breaks_its_promise_however_fresh() -> None:
    found = kept(Promise(min_completeness=0.98), at("2026-11-20 09:00"), completeness=0.975)

    assert found == Kept(False, "97.5% complete, promised 98%")


def test_what_is_just_short_of_complete_does_not_look_complete() -> None:
    found = kept(Promise(min_completeness=0.58), at("2026-11-20 09:00"), completeness=0.579999)

    assert found == Kept(False, "57.99% complete, promised 58%")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=-5), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=1), "1 h 0 min"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=9, hours=23), "9 days"),
    ],
)
def test_a_length_of_time_is_said_as_people_say_it(length: timedelta, text: str) -> None:
    assert words(length) == text
