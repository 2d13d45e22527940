"""What an audit found: a verdict per rule and per day, samples, completeness and a light profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from dagmesh.audit.scan import Tallies
from dagmesh.model.domain import Product
from dagmesh.model.rule import Severity

Engine = Literal["duckdb", "pandera"]

SCHEMA = "schema__columns"
COMPLETENESS = "promise__min_completeness"
HISTORY = "history__row_count"


@dataclass(frozen=True)
class Day:
    """One day's figures; `failing` holds the failing rows of each rule that had any, whether it tolerates them or not.

    All are 0 when the columns were not the contract's: nothing is judged then.
    """

    rows: int
    completeness: float
    failing: Mapping[str, int]


@dataclass(frozen=True)
class Result:
    """One rule's verdict over all days audited.

    `passed` is whether it passed on every day; `failed_days` names the others (none for a whole product). `share` is
    failing rows by rows. `detail` says in words what the counts cannot; it never holds a restricted value. `samples` are
    up to 20 failing rows: the key's and the rule's columns as JSON values, restricted ones masked.
    """

    name: str
    column: str | None
    text: str
    severity: Severity
    rows: int
    failing_rows: int
    share: float
    max_failing: float
    passed: bool
    failed_days: tuple[date, ...] = ()
    engine: Engine = "duckdb"
    detail: str = ""
    samples: tuple[dict[str, Any], ...] = ()

    def describe(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {**vars(self), "failed_days": [day.isoformat() for day in self.failed_days], "samples": list(self.samples)}


@dataclass(frozen=True)
class Report:
    """What an audit found.

    `days` is empty for a whole product. `profile` is of the days that passed, or of all if none did; `day_profiles` has
    each of those days by itself. `tallies` are what the scan counted, by day (None: all together), for who remembers it.
    """

    rows: int
    completeness: float
    results: tuple[Result, ...]
    days: Mapping[date, Day] = field(default_factory=dict)
    profile: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    day_profiles: Mapping[date, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    tallies: Tallies = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that did not pass, whatever their severity."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def passed(self) -> bool:
        """Whether everything audited may be published: no rule of severity error failed on any day."""
        return not any(result.severity == "error" for result in self.failed)

    @property
    def refused_days(self) -> tuple[date, ...]:
        """The days that may not be published, oldest first; empty for a whole product."""
        return tuple(sorted({day for result in self.failed if result.severity == "error" for day in result.failed_days}))

    @property
    def passed_days(self) -> tuple[date, ...]:
        """The days that may be published, oldest first; empty for a whole product."""
        refused = self.refused_days
        return tuple(day for day in sorted(self.days) if day not in refused)

    def describe(self) -> dict[str, Any]:
        """The report as JSON values."""
        days = {day.isoformat(): {**vars(found), "failing": dict(found.failing)} for day, found in self.days.items()}
        return {
            "rows": self.rows,
            "completeness": self.completeness,
            "days": days,
            "results": [result.describe() for result in self.results],
            "profile": {column: dict(measures) for column, measures in self.profile.items()},
        }


def check_names(product: Product) -> tuple[tuple[str, str], ...]:
    """Name and words of every result an audit of the product has, in the report's order."""
    own = tuple((rule.name, rule.text) for rule in product.contract.rules)
    promised = f"at least {product.promise.min_completeness:.2%} complete"
    return (
        (SCHEMA, "columns and types are the contract's"),
        *own,
        (COMPLETENESS, promised),
        (HISTORY, "between half and double the usual number of rows"),
    )
