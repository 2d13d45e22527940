"""The one scan: how many rows each day has and how many of them break each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from dagmesh.audit.compile import Step
from dagmesh.audit.literals import quoted


@dataclass(frozen=True)
class Staged:
    """Staged rows: FROM-able text, and the column of days that they are judged by (None: all together)."""

    sql: str
    day: str | None = None

    @property
    def day_sql(self) -> str:
        """The row's day."""
        return quoted(self.day) if self.day else "NULL::DATE"

    @property
    def by_day(self) -> str:
        """The GROUP BY of a verdict per day."""
        return f"GROUP BY {quoted(self.day)}" if self.day else ""


@dataclass
class Tally:
    """Counts of one day: rows, rows that lack a required value, and failing rows by rule name."""

    rows: int
    incomplete: int
    failing: dict[str, int]


Tallies = dict[date | None, Tally]


def scan(con: duckdb.DuckDBPyConnection, staged: Staged, steps: Sequence[Step], incomplete: str) -> Tallies:
    """The tallies of every day there are rows of (None: all rows), of all rules that DuckDB judges."""
    judged = [step for step in steps if step.way != "pandera"]
    counts = ", ".join(["count(*)", f"count_if({incomplete})", *(_count(step) for step in judged)])
    rows = con.execute(f"SELECT {staged.day_sql}, {counts} FROM {staged.sql} {staged.by_day}").fetchall()
    tallies = {row[0]: _tally(row[1], row[2], dict(zip(judged, row[3:], strict=True))) for row in rows}
    for step in (s for s in judged if s.way == "unique" and any(t.failing[s.rule.name] for t in tallies.values())):
        repeated = repeats(con, staged, step)
        for day, tally in tallies.items():
            tally.failing[step.rule.name] = repeated.get(day, 0)
    return tallies


def _count(step: Step) -> str:
    # As many hashes as rows prove the rows unique in eight bytes each; fewer do not prove the opposite.
    return f"count(DISTINCT hash({step.sql}))" if step.way == "unique" else f"count_if({step.sql})"


def _tally(rows: int, incomplete: int, counts: Mapping[Step, int]) -> Tally:
    failing = {step.rule.name: rows - count if step.way == "unique" else count for step, count in counts.items()}
    return Tally(rows, incomplete, failing)


def repeated_sql(staged: Staged, step: Step) -> str:
    """FROM-able text of each day's repeated values: `day`, `identity` (a struct) and `n`, the rows that share it.

    Only rows whose hash repeats are compared in full, so that the memory needed does not grow with the values' width.
    """
    mark = f"hash({staged.day_sql}, {step.sql})"
    suspects = f"SELECT {mark} AS mark FROM {staged.sql} GROUP BY mark HAVING count(*) > 1"
    rows = f"SELECT {staged.day_sql} AS day, row({step.sql}) AS identity FROM {staged.sql} WHERE {mark} IN ({suspects})"
    return f"(SELECT day, identity, count(*) AS n FROM ({rows}) GROUP BY day, identity HAVING count(*) > 1)"


def repeats(con: duckdb.DuckDBPyConnection, staged: Staged, step: Step) -> dict[date | None, int]:
    """How many rows of each day share their value with another row of the day."""
    return dict(con.execute(f"SELECT day, sum(n)::BIGINT FROM {repeated_sql(staged, step)} GROUP BY day").fetchall())
