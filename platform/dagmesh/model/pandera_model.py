"""A contract as a Pandera `DataFrameModel`: the reference that the audit's verdicts must equal.

The model judges frames with the dtypes of the type table (dagmesh.model.types). Where Pandera's own meaning depends on
how pandas stores a column, or has none, this is ours:

- NULL and NaN are not values: only `not_null` and `unique` see them. Two NULLs are equal to each other.
- A pattern (`matches`, `contains`) means what Python's `re` says, whatever the storage of the text.
- A comparison with `dm.column` judges the rows where both columns have a value.
- The values a float column is compared with are floats; decimals and integers are compared exactly.
- Lists are unique when they differ in an element; NaN equals NaN there, NULL equals NULL.
- A check over several columns sees every row, also where all of them are NULL. What it leaves unknown (NA) is good. One
  boolean judges all rows together; row-wise checks answer with one boolean for each row. Anything else is an error, and
  an error fails every row.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.engines import pandas_engine

from dagmesh.model.contract import Column, Contract
from dagmesh.model.rule import ColumnRef, Rule
from dagmesh.model.types import ColumnType

_WORDS: dict[str, str] = {
    "ge": "greater_than_or_equal_to",
    "gt": "greater_than",
    "le": "less_than_or_equal_to",
    "lt": "less_than",
    "eq": "equal_to",
    "ne": "not_equal_to",
    "isin": "isin",
    "notin": "notin",
    "startswith": "str_startswith",
    "endswith": "str_endswith",
}
_PYTHON = {"int": int, "float": float, "decimal": Decimal, "str": str, "bool": bool, "date": date, "timestamp": datetime, "list": list}


@cache
def to_model(contract: type[Contract]) -> type[pa.DataFrameModel]:
    """A strict `DataFrameModel` with one `pa.Field` a column and the contract's rules as its checks, by rule name.

    Severity and `max_failing` are the audit's business and are not applied here: Pandera counts every failing row. One
    model a contract: Pandera keeps every model it has seen.
    """
    fields = {_attribute(column.name): _field(column) for column in contract.columns}
    types = {_attribute(column.name): ContractDtype(column.type) for column in contract.columns}
    base = pa.DataFrameModel

    def build_schema_(cls: type[pa.DataFrameModel], /, **options: Any) -> pa.DataFrameSchema:
        schema = super(model, cls).build_schema_(**options)
        for rule in contract.rules:
            _attach(schema, contract, rule)
        return schema

    config = type("Config", (base.Config,), {"strict": True, "name": contract.__name__})
    namespace = {"__doc__": contract.__doc__, "__annotations__": types, "Config": config, "build_schema_": classmethod(build_schema_)}
    model: type[pa.DataFrameModel] = type(contract.__name__, (base,), {**namespace, **fields})
    return model


def _attribute(name: str) -> str:
    """The model's attribute for a column; not the column's own name where Pandera uses that itself."""
    return f"{name}_" if hasattr(pa.DataFrameModel, name) else name


def _field(column: Column) -> Any:
    metadata = {"unit": column.unit, "classification": column.classification}
    return pa.Field(alias=column.name, nullable=True, description=column.description, metadata=metadata)


class ContractDtype(pandas_engine.DataType):
    """The pandas dtypes that hold a contract's type: the type table's, their nullable twins, or objects of its Python type."""

    def __init__(self, column_type: ColumnType) -> None:
        object.__setattr__(self, "column_type", column_type)
        object.__setattr__(self, "type", pd.api.types.pandas_dtype(column_type.pandas(nullable=True)))

    def check(self, pandera_dtype: Any, data_container: Any = None) -> Any:
        """Whether the dtype fits; for objects, whether each value that is there does."""
        kind, dtype = self.column_type.kind, pandera_dtype.type  # type: ignore[attr-defined]  # set past the frozen base
        if data_container is not None and pd.api.types.is_object_dtype(dtype):
            return data_container.isna() | data_container.map(lambda value: _is(value, kind)).astype(bool)
        return bool(_FITS[kind](dtype)) if kind in _FITS else False

    def __str__(self) -> str:
        return str(self.column_type.duckdb)  # type: ignore[attr-defined]  # set past the frozen base

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContractDtype) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


_FITS: dict[str, Callable[[Any], bool]] = {
    "int": pd.api.types.is_integer_dtype,
    "float": pd.api.types.is_float_dtype,
    "str": lambda dtype: isinstance(dtype, pd.StringDtype),
    "bool": pd.api.types.is_bool_dtype,
    "timestamp": lambda dtype: isinstance(dtype, pd.DatetimeTZDtype),
}


def _is(value: Any, kind: str) -> bool:
    exact = not isinstance(value, {"int": bool, "date": datetime}.get(kind, ()))
    aware = kind != "timestamp" or getattr(value, "tzinfo", None) is not None
    return isinstance(value, _PYTHON[kind]) and exact and aware


def _attach(schema: pa.DataFrameSchema, contract: type[Contract], rule: Rule) -> None:
    column = schema.columns[rule.columns[0]]
    check = pandera_check(contract, rule)
    if check is not None:
        owner = column if len(rule.columns) == 1 else schema
        owner.checks = [*owner.checks, check]
    elif rule.kind == "not_null":
        column.nullable = False
    elif len(rule.columns) == 1:
        column.unique = True
    else:
        schema.unique = list(rule.columns)


def pandera_check(contract: type[Contract], rule: Rule) -> pa.Check | None:
    """The rule as a Pandera check; None for what Pandera says without one: `not_null`, and `unique` but of lists.

    It takes a series for a rule over one column, else a frame that has the rule's columns.
    """
    if rule.kind in ("not_null", "unique"):
        lists = any(contract.column(name).type.kind == "list" for name in rule.columns)
        return _check(rule, _distinct(rule), ignore_na=False) if lists and rule.kind == "unique" else None
    if rule.kind == "check":
        return _check(rule, _asked(contract, rule), ignore_na=len(rule.columns) == 1)
    if isinstance(rule.value, ColumnRef):
        return _check(rule, _comparison(rule), ignore_na=False)
    if rule.kind in ("matches", "contains"):
        return _check(rule, _pattern(rule))
    if rule.kind.endswith("_length"):
        return pa.Check.str_length(**{f"{rule.kind[:3]}_value": rule.value}, name=rule.name, error=rule.text)
    operand = _operand(contract.column(rule.columns[0]), rule.value)
    built_in: pa.Check = getattr(pa.Check, _WORDS[rule.kind])(operand, name=rule.name, error=rule.text)
    return built_in


def _check(rule: Rule, function: Callable[[Any], Any], *, ignore_na: bool = True) -> pa.Check:
    return pa.Check(function, name=rule.name, error=rule.text, ignore_na=ignore_na)


def _operand(column: Column, value: Any) -> Any:
    """The rule's value as pandas compares it exactly with the column."""
    if isinstance(value, tuple):
        # No row equals a number beyond 64 bits, but it would turn pandas' list of integers into one of floats.
        return [_operand(column, member) for member in value if column.type.kind != "int" or -(2**63) <= member < 2**63]
    if column.type.kind == "float":
        return float(value)
    if column.type.kind == "timestamp":
        return pd.Timestamp(value).tz_convert(UTC).as_unit("us")
    return value


def _pattern(rule: Rule) -> Callable[[pd.Series[Any]], pd.Series[bool]]:
    compiled = re.compile(rule.value)
    search = compiled.match if rule.kind == "matches" else compiled.search
    return lambda series: pd.Series([search(value) is not None for value in series], index=series.index, dtype=bool)


def _comparison(rule: Rule) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    left, right = rule.columns
    compare = getattr(operator, rule.kind)

    def holds(frame: pd.DataFrame) -> pd.Series[bool]:
        given = frame[left].notna() & frame[right].notna()
        verdict = pd.Series(data=True, index=frame.index, dtype=bool)
        verdict[given] = compare(frame.loc[given, left], frame.loc[given, right]).astype(bool)
        return verdict

    return holds


def _distinct(rule: Rule) -> Callable[[Any], pd.Series[bool]]:
    def distinct(data: Any) -> pd.Series[bool]:
        columns = [data] if isinstance(data, pd.Series) else [data[name] for name in rule.columns]
        rows = pd.Series([tuple(_comparable(value) for value in row) for row in zip(*columns, strict=True)], index=data.index, dtype=object)
        return ~rows.duplicated(keep=False)

    return distinct


def _comparable(value: Any) -> Any:
    """The value, or a list as a tuple, with every NaN as the same object; NULL in a column is NULL whatever pandas says."""
    if isinstance(value, list):
        return tuple("NaN" if member != member else member for member in value)
    return None if pd.isna(value) else value


def _asked(contract: type[Contract], rule: Rule) -> Callable[[Any], Any]:
    function = rule.function
    assert function is not None

    def asked(data: Any) -> Any:
        given = data if isinstance(data, pd.Series) else data[list(rule.columns)]
        return _answer(rule, given, function(contract, given))

    return asked


def _answer(rule: Rule, given: Any, answer: Any) -> Any:
    """The check's answer, as one boolean or one for each row."""
    if isinstance(answer, (bool, np.bool_)) and not rule.row_wise:
        return bool(answer)
    if not isinstance(answer, pd.Series) or not answer.index.equals(given.index):
        raise TypeError(f"gave {type(answer).__name__}, not a boolean Series with the rows it was given.")
    return answer.astype(object).where(answer.notna(), other=True).astype(bool)
