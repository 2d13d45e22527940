"""The one scan: how many rows each day has and how many of them break each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from dagmesh.audit.compile import Step
from dagmesh.audit.literals import literal, quoted

# A name with a space cannot be a contract's column.
NUMBER = "row number"
# As many identities that repeat have at least as many rows to show.
MARKS = 20


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
    """Counts of one day: rows, rows that lack a required value, and failing rows by rule name.

    `marks` are the hashes of some identities that several rows share, by the name of the rule that forbids it.
    """

    rows: int
    incomplete: int
    failing: dict[str, int]
    marks: dict[str, list[int]] = field(default_factory=dict)


Tallies = dict[date | None, Tally]


def scan(
    con: duckdb.DuckDBPyConnection, staged: Staged, steps: Sequence[Step], incomplete: str, bitmaps: Mapping[str, tuple[int, int]]
) -> Tallies:
    """The tallies of every day there are rows of (None: all rows), of all rules that DuckDB judges.

    `bitmaps` has, by name, the smallest and largest number of columns whose uniqueness a bitmap shows.
    """
    judged = [step for step in steps if step.way != "pandera"]
    counts = ", ".join(["count(*)", f"count_if({incomplete})", *(_count(step, bitmaps.get(step.rule.name)) for step in judged)])
    by_day = f"GROUP BY {staged.day_sql}" if staged.day else ""
    rows = con.execute(f"SELECT {staged.day_sql}, {counts} FROM {staged.sql} {by_day}").fetchall()
    tallies: Tallies = {}
    for day, total, lacking, *found in rows:
        # DuckDB's count_if is NULL where there are no rows.
        failing = {s.rule.name: total - n if s.way == "unique" else n or 0 for s, n in zip(judged, found, strict=True)}
        tallies[day] = Tally(total, lacking or 0, failing)
    for step in judged:
        if step.way == "unique" and any(tally.failing[step.rule.name] for tally in tallies.values()):
            repeated = _repeats(con, staged, step)
            for day, tally in tallies.items():
                tally.failing[step.rule.name], tally.marks[step.rule.name] = repeated.get(day, (0, []))
    return tallies


def _count(step: Step, bitmap: tuple[int, int] | None) -> str:
    if bitmap:
        # A bit for each number that is there, and NULL is one value more.
        bits = f"bit_count(bitstring_agg({step.sql}, {bitmap[0]}, {bitmap[1]}))"
        return f"{bits} + (count({step.sql}) < count(*))::BIGINT"
    # As many hashes as rows prove the rows unique in eight bytes each; fewer do not prove the opposite.
    return f"count(DISTINCT hash({step.sql}))" if step.way == "unique" else f"count_if({step.sql})"


def repeated_sql(staged: Staged, step: Step) -> str:
    """FROM-able text of the values that several rows of a day share: `day`, `identity` (a struct) and `n` rows.

    Only rows whose hash repeats are compared in full, so that the memory needed does not grow with the values' width.
    """
    identity = _identity(staged, step)
    suspects = f"SELECT hash({identity}) AS mark FROM {staged.sql} GROUP BY mark HAVING count(*) > 1"
    rows = f"SELECT {staged.day_sql} AS day, {identity} AS identity FROM {staged.sql} WHERE hash({identity}) IN ({suspects})"
    return f"(SELECT day, identity, count(*) AS n FROM ({rows}) GROUP BY day, identity HAVING count(*) > 1)"


def is_repeated_sql(staged: Staged, step: Step, marks: Sequence[int] | None = None) -> str:
    """The condition that another row of the day has the same identity; of identities with these `marks` only, which costs less."""
    identity = _identity(staged, step)
    if marks is None:
        return f"{identity} IN (SELECT identity FROM {repeated_sql(staged, step)})"
    marked = f"hash({identity}) IN ({', '.join(str(mark) for mark in marks) or 'NULL'})"
    # Others may have the same hash without being repeated.
    return f"{marked} AND {identity} IN (SELECT {identity} FROM {staged.sql} WHERE {marked} GROUP BY ALL HAVING count(*) > 1)"


def _identity(staged: Staged, step: Step) -> str:
    return f"row({staged.day_sql}, {step.sql})"


def _repeats(con: duckdb.DuckDBPyConnection, staged: Staged, step: Step) -> dict[date | None, tuple[int, list[int]]]:
    """By day, how many rows share their identity with another, and the hashes of some such identities."""
    wanted = f"day, sum(n)::BIGINT, min(hash(identity), {MARKS})"
    rows = con.execute(f"SELECT {wanted} FROM {repeated_sql(staged, step)} GROUP BY day").fetchall()
    return {day: (n, marks) for day, n, marks in rows}
