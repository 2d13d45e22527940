"""A contract as a Pandera `DataFrameModel`: the reference that the audit's verdicts must equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dagmesh.model.contract import Column, Contract
from dagmesh.model.rule import ColumnRef, Rule

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import Check, DataFrameModel

_PANDERA_WORDS = {
    "ge": "greater_than_or_equal_to",
    "gt": "greater_than",
    "le": "less_than_or_equal_to",
    "lt": "less_than",
    "eq": "equal_to",
    "ne": "not_equal_to",
    "isin": "isin",
    "notin": "notin",
    "matches": "str_matches",
    "contains": "str_contains",
    "startswith": "str_startswith",
    "endswith": "str_endswith",
}
_OPERATORS = {"ge": "__ge__", "gt": "__gt__", "le": "__le__", "lt": "__lt__", "eq": "__eq__", "ne": "__ne__"}


def to_model(contract: type[Contract]) -> type[DataFrameModel]:
    """A `DataFrameModel` with one annotated `pa.Field` a column and the contract's row rules as its checks.

    Severity and `max_failing` are the audit's business and are not applied here: Pandera counts every failing row.
    """
    import pandera.pandas as pa

    namespace: dict[str, Any] = {"__doc__": contract.__doc__, "__annotations__": {}}
    for column in contract.columns:
        namespace["__annotations__"][column.name] = _annotation(column)
        namespace[column.name] = pa.Field(
            nullable=not any(rule.kind == "not_null" for rule in column.rules),
            unique=any(rule.kind == "unique" for rule in column.rules),
            description=column.description,
            metadata={"unit": column.unit, "classification": column.classification},
        )
    namespace["Config"] = type("Config", (pa.DataFrameModel.Config,), {"strict": True, "unique": list(contract.key()) or None})
    model = type(contract.__name__, (pa.DataFrameModel,), namespace)
    for rule in contract.rules:
        _attach(model.to_schema(), contract, rule)
    return model


def _annotation(column: Column) -> Any:
    import pandas as pd
    import pyarrow as pa

    if column.type.digits:
        return pd.ArrowDtype(pa.decimal128(column.type.digits.precision, column.type.digits.scale))
    return {"int": pd.Int64Dtype, "bool": pd.BooleanDtype}.get(column.type.kind, object)


def _attach(schema: Any, contract: type[Contract], rule: Rule) -> None:
    check = pandera_check(contract, rule)
    if check is None:
        return
    owner = (
        schema if rule.kind == "check" and len(rule.columns) > 1 or isinstance(rule.value, ColumnRef) else schema.columns[rule.columns[0]]
    )
    owner.checks = [*owner.checks, check]


def pandera_check(contract: type[Contract], rule: Rule) -> Check | None:
    """The rule as a Pandera check; None for `not_null` and `unique`, which are arguments of a Pandera column."""
    import pandera.pandas as pa

    if rule.kind in ("not_null", "unique"):
        return None
    if rule.kind == "check":
        return pa.Check(_bound(contract, rule), name=rule.name, error=rule.text)
    if isinstance(rule.value, ColumnRef):
        return pa.Check(_comparison(rule), name=rule.name, error=rule.text)
    if rule.kind.endswith("_length"):
        bounds = {"min_value" if rule.kind == "min_length" else "max_value": rule.value}
        return pa.Check.str_length(**bounds, name=rule.name, error=rule.text)
    value = list(rule.value) if isinstance(rule.value, tuple) else rule.value
    return getattr(pa.Check, _PANDERA_WORDS[rule.kind])(value, name=rule.name, error=rule.text)


def _bound(contract: type[Contract], rule: Rule) -> Callable[[Any], Any]:
    function = rule.function
    assert function is not None
    if len(rule.columns) == 1:
        return lambda series: function(contract, series)
    return lambda frame: function(contract, frame[list(rule.columns)])


def _comparison(rule: Rule) -> Callable[[pd.DataFrame], pd.Series[bool]]:
    left, right = rule.columns

    def compare(frame: pd.DataFrame) -> pd.Series[bool]:
        known = frame[left].notna() & frame[right].notna()
        return ~known | getattr(frame[left], _OPERATORS[rule.kind])(frame[right]).fillna(True).astype(bool)

    return compare
