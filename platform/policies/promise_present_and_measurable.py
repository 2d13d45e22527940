"""A promise can be kept or broken."""

import re
from collections.abc import Iterator

import dagmesh as dm

DURATION = re.compile(r"(?P<number>\d+)(?P<unit>[mhd])\Z")
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


class PromisePresentAndMeasurable(dm.Policy):
    """{value!r} {why}; write {example}."""

    def of_product(self, subject: dm.Subject) -> Iterator[dm.Finding]:
        """Completeness above zero; a lag and a retention longer than nothing, the retention the longer one."""
        promise = subject.product.get("promise") or {}
        share, lag, retention = (promise.get(word) for word in ("min_completeness", "max_lag", "retention"))
        if not isinstance(share, (int, float)) or not 0 < share <= 1:
            why = "is kept by publishing nothing"
            yield dm.Finding("promise.min_completeness", value=share, why=why, example="a share such as 0.98")
        for word, value in (("max_lag", lag), ("retention", retention)):
            if minutes(value) == 0:
                why = "is no length of time that can be kept"
                yield dm.Finding(f"promise.{word}", value=value, why=why, example="one such as 24h or 400d")
        if 0 < minutes(retention) < minutes(lag):
            why = f"is over before the lag of {lag} is"
            yield dm.Finding("promise.retention", value=retention, why=why, example=f"{lag} or more")


def minutes(text: str | None) -> int:
    """The length a promise's duration has; 0 when it is none."""
    match = DURATION.match(text or "")
    return int(match["number"]) * MINUTES[match["unit"]] if match else 0
