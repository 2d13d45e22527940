"""The one scan: how many rows each day has, how many of them break each rule, the rows' hashes and their profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from dagmesh.audit.compile import Step
from dagmesh.audit.literals import literal, quoted
from dagmesh.audit.profile import Measure, Profile, profile_of

# A name with a space cannot be a contract's column.
NUMBER = "row number"
DAY = '"row day"'
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

    `marks` are the hashes of some identities that several rows share, by the name of the rule that forbids it. `row_hash` is the
    sum of the rows' hashes, where it was asked for.
    """

    rows: int
    incomplete: int
    failing: dict[str, int]
    marks: dict[str, list[int]] = field(default_factory=dict)
    row_hash: int = 0


Tallies = dict[date | None, Tally]


@dataclass(frozen=True)
class Asked:
    """What the scan is to find beside the rules' counts: the profile, and the sum of each row's hash, an expression of its columns."""

    measures: Sequence[Measure] = ()
    row_hash: str = "0"


@dataclass(frozen=True)
class Scanned:
    """What the scan found: the tallies of every day there are rows of (None: all rows), the profile of each day and, by None, of all."""

    tallies: Tallies
    profiles: Mapping[date | None, Profile]


def scan(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    steps: Sequence[Step],
    incomplete: str,
    bitmaps: Mapping[str, tuple[int, int]],
    asked: Asked = Asked(),
) -> Scanned:
    """What is found of all rules that DuckDB judges, and what else is asked.

    `bitmaps` has, by name, the smallest and largest number of columns whose uniqueness a bitmap shows.
    """
    judged = [step for step in steps if step.way != "pandera"]
    counts = ["count(*)", f"count_if({incomplete})", f"sum({asked.row_hash})", *(_count(s, bitmaps.get(s.rule.name)) for s in judged)]
    tallies: Tallies = {}
    profiles = {}
    for day, whole, total, lacking, hashes, *found in con.execute(_scan_sql(staged, counts, asked.measures)).fetchall():
        answers = iter(found)
        failing = {s.rule.name: total - n if s.way == "unique" else n for s, n in zip(judged, answers, strict=False)}
        profiles[day] = profile_of(asked.measures, answers)
        if not (whole and staged.day):
            tallies[day] = Tally(total, lacking, failing, row_hash=hashes % 2**64)
    _count_repeats(con, staged, [step for step in judged if step.way == "unique"], tallies)
    return Scanned(tallies, profiles)


def _scan_sql(staged: Staged, counts: Sequence[str], measures: Sequence[Measure]) -> str:
    """One row for each day and, where the rows are judged by day, one for all: day, whether it is for all, counts, measures.

    What is of all days is put together from the days', so that the rows are read and counted once.
    """
    found = [*counts, *(measure.of_rows for measure in measures)]
    # DuckDB's count_if is NULL where there are no rows.
    together = ["coalesce(sum({}), 0)::HUGEINT"] * len(counts) + [measure.of_days for measure in measures]
    named = [quoted(f"found {number}") for number in range(len(found))]
    answers = ", ".join(sql.format(name) for sql, name in zip(together, named, strict=True))
    rows = ", ".join(f"{sql} AS {name}" for sql, name in zip(found, named, strict=True))
    by_day, grouped = (f"GROUP BY {staged.day_sql}", f"GROUP BY GROUPING SETS (({DAY}), ())") if staged.day else ("", "")
    whole = f"grouping({DAY}) = 1" if staged.day else "TRUE"
    days = f"SELECT {staged.day_sql} AS {DAY}, {rows} FROM {staged.sql} {by_day}"
    return f"SELECT {DAY if staged.day else 'NULL'}, {whole}, {answers} FROM ({days}) {grouped}"


def _count_repeats(con: duckdb.DuckDBPyConnection, staged: Staged, unique: Sequence[Step], tallies: Tallies) -> None:
    """Correct the counts of rows that seem to share their identity with others: hashes may be equal where identities are not."""
    for step in unique:
        if any(tally.failing[step.rule.name] for tally in tallies.values()):
            repeated = _repeats(con, staged, step)
            for day, tally in tallies.items():
                tally.failing[step.rule.name], tally.marks[step.rule.name] = repeated.get(day, (0, []))


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
