"""Which days a Dagster run makes: the range its partitions name, a product's own where they are others, and those to look at.

Dagster gives a run one range of partitions for all its assets. Days that late rows restate, or a wider window, are not those
that arrived: a planned run names the range of what arrives, and says of each product with other days which they are. A run
launched by hand says nothing, and every product is made for the range.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from dagmesh.errors import MeshError
from dagmesh.orchestrate.days_in_words import in_a_row
from dagmesh.orchestrate.plan import Todo

OWN_DAYS, LOOKED_AT = "dagmesh/days", "dagmesh/looked_at"
_START, _END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class RunDays:
    """The days of one product in one run.

    `named` is the run's range of partitions, `days` what to make, `looked_at` the days of the plan: what has become stale of
    them by what the same run published before is made with the others.
    """

    named: tuple[date, ...] = ()
    days: tuple[date, ...] = ()
    looked_at: tuple[date, ...] = ()

    @classmethod
    def of(cls, name: str, named: Sequence[date], tags: Mapping[str, str]) -> RunDays:
        """The days of the product whose asset has that name, in a run with these tags.

        Raises:
            MeshError: the tags are not as a plan writes them.
        """
        try:
            own: Mapping[str, list[list[str]]] = json.loads(tags.get(OWN_DAYS, "{}"))
            looked_at = _days(json.loads(tags.get(LOOKED_AT, "[]")))
            return cls(tuple(named), _days(own[name]) if name in own else tuple(named), looked_at)
        except (ValueError, TypeError) as error:
            said = ", ".join(f"{tag}={tags[tag]}" for tag in (OWN_DAYS, LOOKED_AT) if tag in tags)
            raise MeshError(f"{name}: the run's tags {said} are not as a plan writes them. Launch it without them.") from error


def run_tags(batch: Collection[Todo], looked_at: Sequence[date] = ()) -> dict[str, str]:
    """The tags of the run that makes a batch, planned by a look at some days."""
    named = days_named(batch)
    own = {todo.node.key[1]: _ranges(todo.days) for todo in batch if todo.days and todo.days != named}
    daily = any(todo.days for todo in batch)
    return {
        **range_tags(named),
        **({OWN_DAYS: json.dumps(own)} if own else {}),
        **({LOOKED_AT: json.dumps(_ranges(looked_at))} if daily and looked_at else {}),
    }


def days_named(batch: Collection[Todo]) -> tuple[date, ...]:
    """The days in a row that the run's partitions name: those of what has no days of its own, else the newest to make."""
    fixed = next((todo.days for todo in batch if todo.days and not todo.node.has_own_days), ())
    rows = [in_a_row(todo.days)[-1] for todo in batch if todo.days]
    newest = max(rows, key=lambda row: (row[-1], -len(row))) if rows else []
    return fixed or tuple(newest)


def days_made(batch: Collection[Todo]) -> tuple[date, ...]:
    """All days that the run makes of anything, oldest first."""
    return tuple(sorted({day for todo in batch for day in todo.days}))


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """The run tags that ask for a range of days in one run; none for no days."""
    return {_START: days[0].isoformat(), _END: days[-1].isoformat()} if days else {}


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days a run was asked for, oldest first; none for an asset without partitions."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return []
    return [date.fromisoformat(key) for key in context.partition_keys]


def days_of_product(context: dg.AssetExecutionContext, name: str) -> RunDays:
    """The days of the daily product whose asset has that name; raises what `RunDays.of` raises."""
    return RunDays.of(name, days_of(context), context.run.tags)


def _ranges(days: Collection[date]) -> list[list[str]]:
    return [[row[0].isoformat(), row[-1].isoformat()] for row in in_a_row(days)]


def _days(ranges: list[list[str]]) -> tuple[date, ...]:
    pairs = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in ranges]
    return tuple(first + timedelta(days=ahead) for first, last in pairs for ahead in range((last - first).days + 1))
