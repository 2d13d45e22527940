"""What changed in a product's promise, price and life: later, less or dearer breaks those who planned with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dagmesh.model.change import Change, Effect, shown
from dagmesh.model.promise import Promise, duration

# Every key of a described promise and price. Held complete by a test.
PROMISE_KEYS = frozenset({"available_by", "timezone", "max_lag", "min_completeness", "retention"})
PRICE_KEYS = frozenset({"amount", "currency", "per"})
# A day of each week of a year: zones change to summer time on different days.
DAYS = tuple(date(2026, 1, 1) + timedelta(days=7 * week) for week in range(53))
_MEASURES: dict[str, tuple[Callable[[Any], Any], bool]] = {  # how it is measured, and whether more is better
    "max_lag": (duration, False),
    "min_completeness": (float, True),
    "retention": (duration, True),
}


def promise_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Every change of two described promises."""
    yield from _hour(before, after)
    for name, (measure, more_is_better) in _MEASURES.items():
        was, now = before[name], after[name]
        if was == now:
            continue
        effect: Effect = "breaking" if (measure(now) > measure(was)) != more_is_better else "additive"
        if measure(was) == measure(now):
            effect = "documentation"
        way = {"breaking": "loosens", "additive": "tightens", "documentation": "says in other words"}[effect]
        yield Change(effect, f"promise.{name}", f"{way} the promised {name} from {was} to {now}", was, now)


def _hour(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The hour by which a day is there, as moments of a whole year: zones and summer time are part of the promise."""
    said = [(promise["available_by"], promise["timezone"]) for promise in (before, after)]
    if said[0] == said[1]:
        return
    was, now = _due(before), _due(after)
    effect: Effect = "documentation"
    if was != now:
        effect = "breaking" if any(new > old for old, new in zip(was, now, strict=True)) else "additive"
    way = {"breaking": "loosens", "additive": "tightens", "documentation": "says in other words"}[effect]
    words = f"{way} the promised hour from {' '.join(said[0])} to {' '.join(said[1])}"
    yield Change(effect, "promise.available_by", words, " ".join(said[0]), " ".join(said[1]))


def _due(promise: Mapping[str, Any]) -> list[datetime]:
    hour = Promise(available_by=promise["available_by"], timezone=promise["timezone"])
    return [hour.due(day) for day in DAYS]


def price_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Change]:
    """The change of a described price, if any; what is charged in another way cannot be compared."""
    if before == after:
        return
    was, now = (Decimal(price["amount"]) if price else Decimal(0) for price in (before, after))
    alike = not (before and after) or (before["currency"], before["per"]) == (after["currency"], after["per"])
    effect: Effect = "breaking" if now > was or not alike else "additive" if now < was else "documentation"
    way = {"breaking": "raises" if alike else "changes", "additive": "lowers", "documentation": "says in other words"}[effect]
    yield Change(effect, "price", f"{way} the price from {_price(before)} to {_price(after)}", before, after)


def _price(price: Mapping[str, Any] | None) -> str:
    return f"{price['amount']} {price['currency']} per {price['per']}" if price else "nothing"


def sunset_changes(before: str | None, after: str | None) -> Iterator[Change]:
    """The change of the day a major ends. To announce it takes nothing away; an announced day is kept."""
    if before == after:
        return
    effect: Effect = "breaking" if before and after and after < before else "additive"
    way = "announces" if before is None else "takes back" if after is None else "moves"
    day = shown(after) if before is None else shown(before) if after is None else f"from {shown(before)} to {shown(after)}"
    yield Change(effect, "sunset", f"{way} the sunset {day}", before, after)
