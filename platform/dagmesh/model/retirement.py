"""Whether a published major may leave the code: not before its sunset, and after it not while it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

DAYS = 30


def removal_refused(product: Mapping[str, Any], readers: Mapping[str, datetime], today: date, days: int = DAYS) -> str | None:
    """Why a published major may not be removed, in words that name the readers and the next step; None when it may.

    Args:
        product: the described product of its newest publication.
        readers: who read it in the last `days` days, each with the last time.
        today: the UTC day it is asked.
        days: how long nobody may have read it.
    """
    major = int(product["version"].split(".")[0])
    name = f"{product['domain']}.{product['name']}"
    sunset = product.get("sunset")
    if not sunset:
        advice = "Publish it once more with sunset=date(...), the day by which its readers are to be gone"
        return f"{name}@{major} may not be removed: it has no sunset. {advice}."
    left = (date.fromisoformat(sunset) - today).days
    if left > 0:
        return f"{name}@{major} may not be removed before its sunset {sunset} ({_days(left)} left). Keep its file until then."
    if readers:
        who = ", ".join(f"{reader} (last on {moment:%Y-%m-%d})" for reader, moment in sorted(readers.items()))
        return (
            f"{name}@{major} may not be removed: its sunset was {sunset}, and in the last {_days(days)} it was read by {who}. "
            f"Ask them to read {name}@{major + 1}, then look again: dagmesh retire {name}@{major}"
        )
    return None


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"
