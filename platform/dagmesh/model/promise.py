"""Promises: what a product's owner commits to, in terms that can be measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from dagmesh.errors import nearest, one_of

_DURATION = re.compile(r"(?P<number>\d+)(?P<unit>[mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")
PRICE_UNITS = ("month", "read", "1000 rows")


def duration(text: str) -> timedelta:
    """The length of time a text such as `90m`, `24h` or `400d` names; ValueError for any other text."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write minutes, hours or days, for example 90m, 24h or 400d.")
    return timedelta(**{_UNITS[match["unit"]]: int(match["number"])})


def _is_timezone(name: object) -> bool:
    """Whether it names a zone; to list them all would cost more than the rest of a product's reading."""
    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True)
class Promise:
    """The service levels of a product.

    Args:
        available_by: the hour of day, `HH:MM`, by which the day before is published.
        timezone: the IANA zone `available_by` is meant in.
        max_lag: how old the last publication of a product without days may get; days are due by `available_by`.
        min_completeness: the share, 0 to 1, of complete records a publication must reach.
        retention: how long days (or, of a whole product, old snapshots) are kept.
    """

    available_by: str = "08:00"
    timezone: str = "UTC"
    max_lag: str = "24h"
    min_completeness: float = 0.0
    retention: str = "400d"

    def complaints(self) -> Iterator[tuple[str, str]]:
        """Each field that is wrong, with why."""
        if not HOUR.match(str(self.available_by)):
            yield "promise.available_by", f"{self.available_by!r} is not an hour of the day; write HH:MM, for example 08:00."
        if not _is_timezone(self.timezone):
            yield "promise.timezone", f"unknown time zone {self.timezone!r}.{nearest(str(self.timezone), available_timezones())}"
        for name in ("max_lag", "retention"):
            try:
                duration(str(getattr(self, name)))
            except ValueError as error:
                yield f"promise.{name}", str(error)
        share = self.min_completeness
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            yield "promise.min_completeness", f"{share!r} is not a share from 0 to 1."

    @property
    def lag(self) -> timedelta:
        """`max_lag` as a length of time."""
        return duration(self.max_lag)

    def due(self, day: date) -> datetime:
        """The moment, in UTC, by which `day`'s data must be published: `available_by` on the day after, once `day` is over."""
        hour = time.fromisoformat(self.available_by)
        dates = (day + timedelta(days=1), day + timedelta(days=2))
        moments = [datetime.combine(local, hour, ZoneInfo(self.timezone)).astimezone(UTC) for local in dates]
        # East of Greenwich the next morning comes before the UTC day is over: then it is the morning after.
        return next(moment for moment in moments if moment >= datetime.combine(dates[0], time(), UTC))

    def describe(self) -> dict[str, Any]:
        """The promise as JSON values."""
        return {
            "available_by": self.available_by,
            "timezone": self.timezone,
            "max_lag": self.max_lag,
            "min_completeness": self.min_completeness,
            "retention": self.retention,
        }


@dataclass(frozen=True)
class Price:
    """What consumers' teams are billed: `amount` of `currency` (ISO 4217) for each `per`."""

    amount: Decimal
    currency: str = "EUR"
    per: Literal["month", "read", "1000 rows"] = "month"

    def complaints(self) -> Iterator[tuple[str, str]]:
        """Each field that is wrong, with why."""
        if not isinstance(self.amount, Decimal) or self.amount < 0:
            yield "price.amount", f"{self.amount!r} is not a Decimal of 0 or more."
        if not re.match(r"[A-Z]{3}\Z", str(self.currency)):
            yield "price.currency", f"{self.currency!r} is not an ISO 4217 code, for example EUR."
        if self.per not in PRICE_UNITS:
            yield "price.per", f"unknown unit {self.per!r}; choose {one_of(PRICE_UNITS)}."

    def describe(self) -> dict[str, Any]:
        """The price as JSON values; the amount is text, so that no digit is lost."""
        return {"amount": str(self.amount), "currency": self.currency, "per": self.per}
