"""The rules SQL cannot say, judged by Pandera on the columns they need: a whole day, or batches where rows stand alone.

Imported only when a contract has such a rule: it brings pandas and Pandera along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dagmesh.audit.frames import to_pandas
from dagmesh.audit.literals import names
from dagmesh.audit.scan import NUMBER, Staged
from dagmesh.model.contract import Contract
from dagmesh.model.pandera_model import pandera_check
from dagmesh.model.rule import Rule

BATCH = 100_000
LONGEST_DETAIL = 200
DAY = "row day"


@dataclass
class Findings:
    """One rule's failing rows: counts by day, numbers of rows in the stage's order (from 1), and what a check raised."""

    failing: dict[date | None, int] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    detail: str = ""


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
            frame = to_pandas(table.drop_columns([NUMBER, DAY]), contract)
            for rule in some:
                _add(found[rule.name], contract, rule, day, frame, numbers, keep)
    return found


def _tables(
    con: duckdb.DuckDBPyConnection, staged: Staged, rules: Sequence[Rule], days: Sequence[date | None], *, whole: bool
) -> Iterator[tuple[date | None, pa.Table]]:
    """The rules' columns and the rows' numbers, a day at a time or, where not `whole`, in batches; each day at least once."""
    columns = names(dict.fromkeys(name for rule in rules for name in rule.columns))
    rows = f'SELECT {staged.day_sql} AS "{DAY}", "{NUMBER}", {columns} FROM {staged.numbered}'
    reader = con.sql(f'{rows} ORDER BY "{DAY}", "{NUMBER}"' if whole and staged.day else rows).to_arrow_reader(BATCH)
    pieces = _pieces(reader)
    if whole:
        together = groupby(pieces, key=lambda piece: piece[0])
        pieces = ((day, pa.concat_tables(table for _, table in same)) for day, same in together)
    missing = dict.fromkeys(days)
    for day, table in pieces:
        missing.pop(day, None)
        yield day, table
    for day in missing:
        yield day, reader.schema.empty_table()


def _pieces(reader: pa.RecordBatchReader) -> Iterator[tuple[date | None, pa.Table]]:
    for batch in reader:
        table = pa.Table.from_batches([batch])
        for day in table.column(DAY).unique().to_pylist():
            same = pc.is_null(table.column(DAY)) if day is None else pc.equal(table.column(DAY), pa.scalar(day))
            yield day, table.filter(same)


def _add(
    found: Findings, contract: type[Contract], rule: Rule, day: date | None, frame: pd.DataFrame, numbers: Any, keep: int | None
) -> None:
    bad, detail = _failing(contract, rule, frame)
    found.detail = found.detail or detail
    # One boolean for no rows at all is a verdict too: it counts as one failing row.
    found.failing[day] = found.failing.get(day, 0) + (1 if bad is None and not len(frame) else int(_mask(bad, frame).sum()))
    if keep is None or len(found.numbers) < keep:
        found.numbers += numbers[_mask(bad, frame)][: None if keep is None else keep - len(found.numbers)].tolist()


def _mask(bad: Any, frame: pd.DataFrame) -> Any:
    return np.ones(len(frame), dtype=bool) if bad is None else bad


def _failing(contract: type[Contract], rule: Rule, frame: pd.DataFrame) -> tuple[Any, str]:
    """Which rows fail (None: all of them together) and what the check raised."""
    check = pandera_check(contract, rule)
    assert check is not None
    try:
        result = check(frame[rule.columns[0]] if len(rule.columns) == 1 else frame[list(rule.columns)])
    except Exception as error:  # noqa: BLE001 - a check is foreign code: whatever it raises, its rule fails
        shown = f": {error}" if not any(contract.column(name).restricted for name in rule.columns) else ""
        return None, f"raised {type(error).__name__}{shown}"[:LONGEST_DETAIL]
    if isinstance(result.check_output, pd.Series):
        return ~result.check_output.astype(bool).reindex(frame.index, fill_value=True).to_numpy(), ""
    return (np.zeros(len(frame), dtype=bool) if result.check_passed else None), ""
