"""A contract's rules as SQL: for each the condition that a failing row fulfils, or that Pandera must judge it.

What a failing row is, everywhere: NULL and NaN are not values, only `not_null` and `unique` see them. A comparison with
another column judges rows where both are given. Text is compared by code point, `min_length` counts code points, a
pattern means what Python's `re` says. Decimals and integers are compared exactly, whatever the digits of either side.
`unique` fails every row of a group of equals, and NULLs are equal to each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from dagmesh.audit.exact import exact_condition, exact_members
from dagmesh.audit.glob import to_glob
from dagmesh.audit.literals import NotCompiled, literal, quoted, text
from dagmesh.audit.regex import to_re2
from dagmesh.model.contract import Column, Contract
from dagmesh.model.rule import COMPARISONS, ColumnRef, Rule

Way = Literal["condition", "unique", "pandera"]
BROKEN_BY = {"ge": "<", "gt": "<=", "le": ">", "lt": ">=", "eq": "<>", "ne": "="}


@dataclass(frozen=True)
class Step:
    """One rule and the way it is judged. `sql` is the condition of a failing row, or what identifies a row by the rule."""

    rule: Rule
    way: Way
    sql: str = ""


def compiled(contract: type[Contract]) -> tuple[Step, ...]:
    """A step for every rule of the contract, in order."""
    return tuple(_step(contract, rule) for rule in contract.rules)


def _step(contract: type[Contract], rule: Rule) -> Step:
    if rule.kind == "unique":
        return Step(rule, "unique", ", ".join(value(contract.column(name)) for name in rule.columns))
    try:
        return Step(rule, "condition", _condition(contract, rule))
    except NotCompiled:
        return Step(rule, "pandera")


def missing(column: Column) -> str:
    """The condition that a row has no value there: NULL, or NaN in a column of floats."""
    name = quoted(column.name)
    return f"({name} IS NULL OR NOT {number_sql(name)})" if column.type.kind == "float" else f"{name} IS NULL"


def value(column: Column) -> str:
    """The column's value, NULL where it is missing."""
    name = quoted(column.name)
    return f"CASE WHEN {number_sql(name)} THEN {name} END" if column.type.kind == "float" else name


def number_sql(name: str) -> str:
    """The condition that a float is a number, not NaN.

    DuckDB 2.0.0 takes isnan for false where a Parquet file gives bounds of the column; other writers than DuckDB give
    them without regard to NaN, as the format's specification demands. `NOT isnan(...)` will do when that is mended.
    """
    return f"(isfinite({name}) OR isinf({name}))"


def incomplete(contract: type[Contract], given: Collection[str] = ()) -> str:
    """The condition that a required column has no value; `given` are columns that every row has a value of."""
    required = [column for column in contract.columns if not column.nullable and column.name not in given]
    return " OR ".join(missing(column) for column in required) or "FALSE"


def counted(condition: str) -> str:
    """How many rows fulfil the condition; DuckDB's count_if is NULL where there are no rows."""
    return f"coalesce(count_if({condition}), 0)"


def _condition(contract: type[Contract], rule: Rule) -> str:
    column = contract.column(rule.columns[0])
    if rule.kind == "not_null":
        return missing(column)
    if rule.kind == "check":
        raise NotCompiled("a Python function")
    if isinstance(rule.value, ColumnRef):
        return _given(_between_columns(column, rule.kind, contract.column(rule.value.name)), column, contract.column(rule.value.name))
    if rule.kind in ("eq", "ne", "isin", "notin"):
        members = rule.value if isinstance(rule.value, tuple) else (rule.value,)
        wanted = rule.kind in ("eq", "isin")
        return _given(f"{'NOT ' if wanted else ''}({_among(column, members)})", column)
    if rule.kind in COMPARISONS:
        return _given(_comparison(column, rule.kind, rule.value), column)
    return _text(quoted(column.name), rule)


def _given(condition: str, *columns: Column) -> str:
    """The condition for rows that have values there; NULL takes care of itself, DuckDB takes NaN for the greatest number."""
    numbers = [number_sql(quoted(column.name)) for column in columns if column.type.kind == "float"]
    return " AND ".join([f"({condition})", *numbers])


def _comparison(column: Column, kind: str, operand: Any) -> str:
    if column.type.kind in ("int", "decimal"):
        return exact_condition(column, BROKEN_BY[kind], operand)
    return f"{quoted(column.name)} {BROKEN_BY[kind]} {_operand(column, operand)}"


def _operand(column: Column, operand: Any) -> str:
    if column.type.kind != "float":
        return literal(operand)
    try:
        return literal(float(operand))
    except OverflowError as error:
        raise NotCompiled("beyond the floats") from error


def _among(column: Column, operands: Collection[Any]) -> str:
    """The condition that the value is one of them, NULL where there is no value."""
    if column.type.kind in ("int", "decimal"):
        members = exact_members(column, operands)
    else:
        members = [_operand(column, operand) for operand in operands if operand == operand]
    name = quoted(column.name)
    return f"{name} IN ({', '.join(members)})" if members else f"{name} <> {name}"


def _between_columns(left: Column, kind: str, right: Column) -> str:
    sizes = [column.type.digits for column in (left, right) if column.type.digits]
    if sizes and max(size.precision - size.scale for size in sizes) + max(size.scale for size in sizes) > 38:
        raise NotCompiled("no decimal holds both")
    return f"{quoted(left.name)} {BROKEN_BY[kind]} {quoted(right.name)}"


def _text(name: str, rule: Rule) -> str:
    if rule.kind == "min_length":
        return f"length({name}) < {rule.value}"
    if rule.kind == "max_length":
        return f"length({name}) > {rule.value}"
    if rule.kind == "startswith":
        return f"NOT starts_with({name}, {text(rule.value)})"
    if rule.kind == "endswith":
        return f"NOT ends_with({name}, {text(rule.value)})"
    found, glob = f"regexp_matches({name}, {text(to_re2(rule.value, anchored=rule.kind == 'matches'))})", to_glob(rule.value)
    return f"CASE WHEN {name} GLOB {text(glob)} THEN FALSE ELSE NOT {found} END" if glob else f"NOT {found}"
