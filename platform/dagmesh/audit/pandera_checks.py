"""The rules SQL cannot say, judged by Pandera on the columns they need: a whole day, or batches where rows stand alone.

Imported only when a contract has such a rule: it brings pandas and Pandera along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dagmesh.audit.frames import to_pandas
from dagmesh.audit.literals import names
from dagmesh.audit.scan import Staged
from dagmesh.model.contract import Contract
from dagmesh.model.pandera_model import pandera_check
from dagmesh.model.rule import Rule

BATCH = 100_000
LONGEST_DETAIL = 200
# Names with a space cannot be a contract's columns.
NUMBER, DAY = "row number", "row day"


@dataclass
class Findings:
    """One rule's failing rows: counts by day, numbers of rows in the stage's order (from 1), and what a check raised."""

    failing: dict[date | None, int] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    detail: str = ""


def numbered(staged: Staged) -> str:
    """FROM-able text of the staged rows with their number in the stage's order."""
    return f'(SELECT row_number() OVER () AS "{NUMBER}", * FROM {staged.sql})'


def judge(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    contract: type[Contract],
    rules: Sequence[Rule],
    days: Sequence[date | None],
    keep: int | None,
) -> dict[str, Findings]:
    """What Pandera finds of each rule, by name.

    Args:
        con: the connection.
        staged: the rows.
        contract: their contract.
        rules: those to judge.
        days: the days to judge, also those without rows.
        keep: how many failing rows' numbers to keep of each rule; None: all.
    """
    found = {rule.name: Findings() for rule in rules}
    alone = [rule for rule in rules if rule.row_wise or rule.kind != "check"]
    together = [rule for rule in rules if rule not in alone]
    for some, whole in ((alone, False), (together, True)):
        for day, table in _tables(con, staged, some, days, whole=whole) if some else ():
            numbers = table.column(NUMBER).to_numpy()
            frame = to_pandas(table.drop_columns([NUMBER]), contract)
            for rule in some:
                _add(found[rule.name], contract, rule, day, frame, numbers, keep)
    return found


def _tables(
    con: duckdb.DuckDBPyConnection, staged: Staged, rules: Sequence[Rule], days: Sequence[date | None], *, whole: bool
) -> Iterator[tuple[date | None, pa.Table]]:
    """The rules' columns and the rows' numbers, a day at a time or, where not `whole`, in batches; each day at least once."""
    columns = names(dict.fromkeys(name for rule in rules for name in rule.columns))
    order = f'ORDER BY "{DAY}", "{NUMBER}"' if whole and len(days) > 1 else ""
    rows = f'SELECT {staged.day_sql} AS "{DAY}", "{NUMBER}", {columns} FROM {numbered(staged)} WHERE {_asked(staged, days)} {order}'
    reader = con.sql(rows).to_arrow_reader(BATCH)
    left, held = dict.fromkeys(days), pa.Table.from_batches([], reader.schema)
    for batch in reader:
        for day, table in _by_day(pa.concat_tables([held, pa.Table.from_batches([batch])]), days):
            left.pop(day, None)
            held = table if whole else held
            yield from () if whole else [(day, table.drop_columns([DAY]))]
    yield from ()
