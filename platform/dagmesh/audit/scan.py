"""The one scan: how many rows each day has and how many of them break each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from dagmesh.audit.compile import Step, counted
from dagmesh.audit.literals import literal, quoted

# A name with a space cannot be a contract's column.
NUMBER = "row number"


@dataclass(frozen=True)
class Staged:
    """Staged rows: FROM-able text, the column of days that they are judged by (None: all together), and the Parquet files
    that hold them with their numbers of rows, where they are known.
    """

    sql: str
    day: str | None = None
    files: Mapping[str, int] = field(default_factory=dict)

    @property
    def day_sql(self) -> str:
        """The row's day."""
        return quoted(self.day) if self.day else "NULL::DATE"

    @property
    def numbered(self) -> str:
        """FROM-able text of the rows with their number in the stage's order, from 1."""
        return f"(SELECT row_number() OVER () AS {quoted(NUMBER)}, * FROM {self.sql})"

    def within(self, days: Sequence[date]) -> str:
        """The condition that a row is of one of the days; always true of rows judged together."""
        return f"{quoted(self.day)} IN ({', '.join(literal(day) for day in days) or 'NULL'})" if self.day else "TRUE"


@dataclass
class Tally:
    """Counts of one day: rows, rows that lack a required value, and failing rows by rule name."""

    rows: int
    incomplete: int
    failing: dict[str, int]


Tallies = dict[date | None, Tally]


def scan(
    con: duckdb.DuckDBPyConnection, staged: Staged, steps: Sequence[Step], incomplete: str, bitmaps: Mapping[str, tuple[int, int]]
) -> Tallies:
    """The tallies of every day there are rows of (None: all rows), of all rules that DuckDB judges.

    `bitmaps` has, by name, the smallest and largest number of columns whose uniqueness a bitmap shows.
    """
    judged = [step for step in steps if step.way != "pandera"]
    counts = ", ".join(["count(*)", counted(incomplete), *(_count(step, bitmaps.get(step.rule.name)) for step in judged)])
    by_day = f"GROUP BY {staged.day_sql}" if staged.day else ""
    rows = con.execute(f"SELECT {staged.day_sql}, {counts} FROM {staged.sql} {by_day}").fetchall()
    tallies: Tallies = {}
    for day, total, lacking, *found in rows:
        failing = {s.rule.name: total - n if s.way == "unique" else n for s, n in zip(judged, found, strict=True)}
        tallies[day] = Tally(total, lacking, failing)
    for step in judged:
        if step.way == "unique" and any(tally.failing[step.rule.name] for tally in tallies.values()):
            repeated = _repeats(con, staged, step)
            for day, tally in tallies.items():
                tally.failing[step.rule.name] = repeated.get(day, 0)
    return tallies


def _count(step: Step, bitmap: tuple[int, int] | None) -> str:
    if bitmap:
        # A bit for each number that is there, and NULL is one value more.
        bits = f"bit_count(bitstring_agg({step.sql}, {bitmap[0]}, {bitmap[1]}))"
        return f"{bits} + (count({step.sql}) < count(*))::BIGINT"
    # As many hashes as rows prove the rows unique in eight bytes each; fewer do not prove the opposite.
    return f"count(DISTINCT hash({step.sql}))" if step.way == "unique" else counted(step.sql)


def repeated_sql(staged: Staged, step: Step) -> str:
    """FROM-able text of the values that several rows of a day share: `day`, `identity` (a struct) and `n` rows.

    Only rows whose hash repeats are compared in full, so that the memory needed does not grow with the values' width.
    """
    identity = f"row({staged.day_sql}, {step.sql})"
    suspects = f"SELECT hash({identity}) AS mark FROM {staged.sql} GROUP BY mark HAVING count(*) > 1"
    rows = f"SELECT {staged.day_sql} AS day, {identity} AS identity FROM {staged.sql} WHERE hash({identity}) IN ({suspects})"
    return f"(SELECT day, identity, count(*) AS n FROM ({rows}) GROUP BY day, identity HAVING count(*) > 1)"


def _repeats(con: duckdb.DuckDBPyConnection, staged: Staged, step: Step) -> dict[date | None, int]:
    return dict(con.execute(f"SELECT day, sum(n)::BIGINT FROM {repeated_sql(staged, step)} GROUP BY day").fetchall())
