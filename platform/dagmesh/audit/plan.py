"""The plan of an audit: the cheapest way to judge each rule that cannot give another verdict.

| way | for | reads |
|---|---|---|
| footer | NULLs, and comparisons with a value that the bounds settle | the files' footers, once for all rules |
| pruned | rules, patterns too, on columns that DuckDB keeps as dictionaries; comparisons of text | each row group's values, or its bounds |
| bitmap | uniqueness of whole numbers close together | the column, a bit for each number of its range |
| hash | uniqueness of anything else | the columns, eight bytes a row; equal hashes are compared in full |
| fused | every other condition | the columns of all these rules, in one scan |
| pandera | Python functions, and patterns that only Python reads so | the rules' columns, in batches where rows stand alone |

Only files that this release of DuckDB wrote are judged by their footers. Of all others, and of rows whose files are not
said, every value is read, and DuckDB is kept from believing what their statistics say of them. Where files are small,
opening them once more for a rule costs more than reading them, so all conditions are fused; where they are smaller still,
nobody looks who wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import duckdb

from dagmesh.audit.compile import Step
from dagmesh.audit.footers import Footers, footers, written_by_us
from dagmesh.audit.literals import names, quoted
from dagmesh.audit.scan import Staged
from dagmesh.model.contract import Contract
from dagmesh.model.rule import COMPARISONS, ColumnRef

Way = Literal["footer", "pruned", "bitmap", "hash", "fused", "pandera"]

# Opening a file once more to see who wrote it costs less than keeping DuckDB from its statistics for this many rows.
ROWS_WORTH_A_FOOTER = 1_000
# Opening a file costs about what reading one rule's values of this many rows does.
ROWS_WORTH_A_LOOK = 20_000
# Bits a number: a bitmap of 32 MB at most in each thread, and no larger than the hashes would be.
LARGEST_RANGE = 2**28
BITS_PER_ROW = 64
# Conditions that DuckDB asks of each different value of a dictionary, and not of each row.
BY_DICTIONARY = (*COMPARISONS, "isin", "notin", "min_length", "max_length", "startswith", "endswith")
# Conditions that it asks of each row all the same, unless the different values are gathered first.
BY_VALUE = ("matches", "contains")


@dataclass(frozen=True)
class Plan:
    """How the rules are judged: the rows to read, the steps, each rule's way by name, and the range of each bitmap."""

    staged: Staged
    steps: tuple[Step, ...]
    ways: Mapping[str, Way]
    bitmaps: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def by(self, way: Way) -> tuple[Step, ...]:
        """The steps that are judged this way."""
        return tuple(step for step in self.steps if self.ways[step.rule.name] == way)


def planned(con: duckdb.DuckDBPyConnection, staged: Staged, contract: type[Contract], steps: Sequence[Step]) -> Plan:
    """The plan for rows of a contract, by what the footers of their files say."""
    files, rows = list(staged.files), sum(staged.files.values())
    per_file = rows // max(len(files), 1)
    ours = per_file >= ROWS_WORTH_A_FOOTER and written_by_us(con, files)
    if not ours or per_file < ROWS_WORTH_A_LOOK:
        read = staged if ours else _by_value(staged, contract)
        return Plan(read, tuple(steps), {step.rule.name: _plain_way(step) for step in steps})
    found = footers(con, files, contract, steps)
    bitmaps = {step.rule.name: edges for step in steps if (edges := _narrow(staged, step, found, rows))}
    ways = {step.rule.name: _way(contract, step, found, step.rule.name in bitmaps) for step in steps}
    return Plan(staged, tuple(steps), ways, bitmaps)


def _way(contract: type[Contract], step: Step, found: Footers, narrow: bool) -> Way:
    rule = step.rule
    if rule.name in found.clean:
        return "footer"
    if narrow:
        return "bitmap"
    if step.way == "condition" and rule.kind in BY_DICTIONARY and not isinstance(rule.value, ColumnRef):
        text = contract.column(rule.columns[0]).type.kind == "str"
        if rule.columns[0] in found.dictionaries or (text and rule.kind in COMPARISONS):
            return "pruned"
    if step.way == "condition" and rule.kind in BY_VALUE and rule.columns[0] in found.few:
        return "pruned"
    return _plain_way(step)


def _plain_way(step: Step) -> Way:
    return {"condition": "fused", "unique": "hash", "pandera": "pandera"}[step.way]  # type: ignore[return-value]  # mypy: texts


def _narrow(staged: Staged, step: Step, found: Footers, rows: int) -> tuple[int, int] | None:
    """The range of a unique column's numbers, where a bit for each of them is less than the hashes; each day has a bitmap of its own."""
    if step.way != "unique" or len(step.rule.columns) > 1:
        return None
    days = len(staged.files) if staged.day else 1
    low, high = (found.bounds or {}).get(step.rule.columns[0], (0, LARGEST_RANGE))
    return (low, high) if (high - low) * days < min(LARGEST_RANGE, BITS_PER_ROW * rows) else None


def _by_value(staged: Staged, contract: type[Contract]) -> Staged:
    """The same rows with values that DuckDB knows nothing of beforehand, whatever the statistics of their source say.

    TRY gives each value as it is, NULL where computing it fails, and a column that is read does not fail; DuckDB 2 derives
    nothing of its result. A test with a lying file holds that.
    """
    columns = [column.name for column in contract.columns]
    read = ", ".join(f"TRY({quoted(name)}) AS {quoted(name)}" for name in columns)
    return replace(staged, sql=f"(SELECT {read} FROM (SELECT {names(columns)} FROM {staged.sql}))", files={})


def proved(con: duckdb.DuckDBPyConnection, plan: Plan) -> frozenset[str]:
    """The names of rules that no row breaks, by their footers or by finding no row that breaks them."""
    looked_at = plan.by("pruned")
    clean = {step.rule.name for step in plan.by("footer")}
    if not looked_at:
        return frozenset(clean)
    looks = (f"(SELECT {place} FROM {_values_sql(plan.staged, step)} WHERE {step.sql} LIMIT 1)" for place, step in enumerate(looked_at))
    broken = {row[0] for row in con.execute(" UNION ALL ".join(looks)).fetchall()}
    return frozenset(clean | {step.rule.name for place, step in enumerate(looked_at) if place not in broken})


def _values_sql(staged: Staged, step: Step) -> str:
    """FROM-able text of what a rule is asked of: the rows, or the different values of its column."""
    return f"(SELECT DISTINCT {quoted(step.rule.columns[0])} FROM {staged.sql})" if step.rule.kind in BY_VALUE else staged.sql
