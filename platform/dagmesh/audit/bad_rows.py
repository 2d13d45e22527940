"""The rows that failed: a few of each rule for the report, all of them with their reasons for the quarantine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb

from dagmesh.audit.compile import Step, compiled, incomplete
from dagmesh.audit.literals import quoted, text
from dagmesh.audit.report import COMPLETENESS, SCHEMA, Report, Result
from dagmesh.audit.scan import MARKS, NUMBER, Staged, Tallies, is_repeated_sql
from dagmesh.audit.shown import json_number, shown_sql
from dagmesh.model.contract import Contract
from dagmesh.model.domain import Product

SAMPLES = MARKS
# What breaks a rule in so many rows is not worth a scan; they are read in the time of a few queries.
FIRST_ROWS = 10_000
Samples = tuple[dict[str, Any], ...]


def with_samples(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    contract: type[Contract],
    results: Sequence[Result],
    numbers: Mapping[str, list[int]],
    tallies: Tallies,
) -> tuple[Result, ...]:
    """The results, each failed one with up to 20 of its failing rows, in order.

    Two looks at most, whatever the number of rules: the first rows show what nearly all break, and one scan finds the rest for all
    rules together, keeping 20 rows of each. `numbers` holds, for the rules that Pandera judged, the numbers of failing rows in the
    stage's order; `tallies` some identities that repeat.
    """
    among = {name: ", ".join(str(number) for number in some) or "NULL" for name, some in numbers.items()}
    marks = {r.name: [m for day in r.failed_days or tallies for m in tallies[day].marks.get(r.name, ())][:MARKS] for r in results}
    flags = _flags(staged, contract, results, among, marks)
    found: dict[str, Samples] = {}
    for limit in (f" LIMIT {FIRST_ROWS}", ""):
        left = [r for r in results if r.name in flags and len(found.get(r.name, ())) < min(SAMPLES, r.failing_rows)]
        if left:
            found |= _samples(con, staged, contract, left, flags, limit)
    return tuple(replace(result, samples=found.get(result.name, ())) for result in results)


def _samples(
    con: duckdb.DuckDBPyConnection,
    staged: Staged,
    contract: type[Contract],
    results: Sequence[Result],
    flags: Mapping[str, str],
    limit: str,
) -> dict[str, Samples]:
    """The 20 first failing rows of each of the results by what is shown of them, among the rows up to the limit: one statement."""
    rows = staged.numbered if any(result.engine == "pandera" for result in results) else staged.sql
    days = sorted({day for result in results for day in result.failed_days})
    flagged = _flagged(f"(SELECT * FROM {rows} WHERE {staged.within(days)}{limit})", {r.name: flags[r.name] for r in results})
    some = (f"min({_shown(contract, r)}, {SAMPLES}) FILTER ({quoted(_flag(r.name))})" for r in results)
    answers = con.execute(f"SELECT {', '.join(some)} FROM {flagged}").fetchall()[0]
    return {r.name: tuple(map(_json, answer or ())) for r, answer in zip(results, answers, strict=True)}


def _shown(contract: type[Contract], result: Result) -> str:
    """A struct of what is shown of a failing row: the key's and the rule's columns."""
    rule = next((rule for rule in contract.rules if rule.name == result.name), None)
    own = rule.columns if rule else tuple(column.name for column in contract.columns if not column.nullable)
    shown = (f"{quoted(name)} := {shown_sql(contract.column(name))}" for name in dict.fromkeys((*contract.key(), *own)))
    return f"struct_pack({', '.join(shown)})"


def _json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json_number(value) for name, value in row.items()}


def bad_rows_sql(con: duckdb.DuckDBPyConnection, staged_sql: str, product: Product, report: Report) -> str:
    """FROM-able text of the rows that broke a rule of severity error on a day it failed, with `broken_rules VARCHAR[]`.

    Rules that Pandera judges are judged once more, for all their failing rows; the numbers of those stay registered on
    the connection, as the text names them.
    """
    staged = Staged(staged_sql, product.partitioned_by)
    refused = [result for result in report.failed if result.severity == "error"]
    if any(result.name == SCHEMA for result in refused):
        return f"(SELECT *, [{text(SCHEMA)}] AS broken_rules FROM {staged_sql})"
    among = _registered(con, staged, product.contract, [r for r in refused if r.engine == "pandera"], sorted(report.days) or [None])
    flags = _flags(staged, product.contract, refused, among)
    broken = ", ".join(f"CASE WHEN {quoted(_flag(name))} THEN {text(name)} END" for name in flags)
    every = ", ".join(quoted(column.name) for column in product.contract.columns)
    rules = f"list_filter([{broken or 'NULL'}]::VARCHAR[], lambda rule: rule IS NOT NULL)"
    return f"(SELECT {every}, {rules} AS broken_rules FROM {_flagged(staged.numbered if among else staged.sql, flags)})"


def _registered(
    con: duckdb.DuckDBPyConnection, staged: Staged, contract: type[Contract], results: Sequence[Result], days: Sequence[date | None]
) -> dict[str, str]:
    if not results:
        return {}
    import pyarrow as pa

    from dagmesh.audit.pandera_checks import judge

    failed = {result.name for result in results}
    found = judge(con, staged, contract, [rule for rule in contract.rules if rule.name in failed], days, keep=None)
    tables = {name: f"failing_{uuid.uuid4().hex}" for name in found}
    for name, table in tables.items():
        con.register(table, pa.table({"number": pa.array(found[name].numbers, pa.int64())}))
    return {name: f"SELECT number FROM {table}" for name, table in tables.items()}


def _flags(
    staged: Staged,
    contract: type[Contract],
    results: Sequence[Result],
    among: Mapping[str, str],
    marks: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, str]:
    """By result name, the condition that a row is one of its failing rows, on the days it failed."""
    steps = {step.rule.name: step for step in compiled(contract)}
    failed = [result for result in results if not result.passed and result.failing_rows]
    some = {result.name: marks[result.name] if marks else None for result in failed}
    conditions = {r.name: _condition(staged, contract, steps.get(r.name), r, among, some[r.name]) for r in failed}
    within = {result.name: staged.within(result.failed_days) for result in results}
    return {name: f"({condition}) AND {within[name]}" for name, condition in conditions.items() if condition}


def _condition(
    staged: Staged,
    contract: type[Contract],
    step: Step | None,
    result: Result,
    among: Mapping[str, str],
    marks: Sequence[int] | None,
) -> str:
    if result.name == COMPLETENESS:
        return incomplete(contract)
    if step is None:
        return ""
    if step.way == "pandera":
        return f"{quoted(NUMBER)} IN ({among[result.name]})"
    if step.way == "unique":
        return is_repeated_sql(staged, step, marks)
    return step.sql


def _flagged(rows: str, flags: Mapping[str, str]) -> str:
    """FROM-able text of the rows that have a flag, with a boolean column for each flag.

    Only they are sorted, shown and written; of the others no more than the flags' columns is read.
    """
    columns = ", ".join(f"{condition} AS {quoted(_flag(name))}" for name, condition in flags.items())
    where = " OR ".join(quoted(_flag(name)) for name in flags) or "FALSE"
    return f"(SELECT * FROM (SELECT *{', ' if columns else ''}{columns} FROM {rows}) WHERE {where})"


def _flag(name: str) -> str:
    # Names with a space cannot be a contract's columns.
    return f"breaks {name}"
