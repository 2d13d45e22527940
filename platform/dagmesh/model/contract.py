"""Contracts: a class that says what one row of a data product is, and the rules its rows keep."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import typing
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dagmesh.errors import Problem
from dagmesh.model.rule import Rule, json_value
from dagmesh.model.types import ColumnType

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameModel

Classification = Literal["public", "internal", "pseudonymous", "confidential", "pii"]
CLASSIFICATIONS: tuple[str, ...] = typing.get_args(Classification)
RESTRICTED = frozenset({"confidential", "pii"})
Mask = Literal["null", "hash", "partial"]
MASKS: tuple[str, ...] = typing.get_args(Mask)


@dataclass(frozen=True)
class FieldSpec:
    """What `dm.field` was given, unchecked: the contract checks it with the column's name and type at hand."""

    description: Any
    unit: Any
    classification: Any
    key: Any
    unique: Any
    required: Any
    purpose: Any
    mask: Any
    declassified: Any
    rules: dict[str, Any]


def field(
    *,
    description: str = "",
    unit: str | None = None,
    classification: Classification = "internal",
    key: bool = False,
    unique: Any = False,
    required: Any = None,
    purpose: str | None = None,
    mask: Mask | None = None,
    declassified: str | None = None,
    **rules: Any,
) -> Any:
    """One column of a contract.

    Args:
        description: what the value means, for a stranger. Needed.
        unit: the unit of a number ("EUR", "orders", "hours").
        classification: public, internal, pseudonymous, confidential or pii.
        key: part of the row's key; the key columns together are unique and never NULL.
        unique: no two rows share the value.
        required: `dm.rule(True, max_failing=0.02)` to tolerate some NULLs in a column that is not `| None`.
        purpose: what personal data is held for. Every pii column has one.
        mask: how those who may not see the values see them: "null", or of text "hash" (equal values stay equal) or "partial"
            (the first character); "null" by default. Every pii column says one.
        declassified: why the values are less than their source's classification says ("a count over all customers").
        rules: ge, gt, le, lt, eq, ne (a value or `dm.column("other")`), isin, notin (values), matches, contains
            (regular expressions; matches is anchored at the start), startswith, endswith, min_length, max_length.
            Each value may be wrapped in `dm.rule(value, severity=..., max_failing=...)`.
    """
    return FieldSpec(description, unit, classification, key, unique, required, purpose, mask, declassified, rules)


@dataclass(frozen=True)
class Column:
    """One column of a contract, checked."""

    name: str
    type: ColumnType
    description: str
    unit: str | None = None
    classification: Classification = "internal"
    key: bool = False
    nullable: bool = False
    rules: tuple[Rule, ...] = dataclass_field(default=())
    purpose: str | None = None
    mask: Mask | None = None
    declassified: str | None = None

    @property
    def restricted(self) -> bool:
        """Whether only the owner and holders of a grant may see the values."""
        return self.classification in RESTRICTED

    def describe(self) -> dict[str, Any]:
        """The column as JSON values: what is signed, fingerprinted and diffed."""
        described: dict[str, Any] = {
            "name": self.name,
            "type": self.type.duckdb,
            "logical_type": self.type.odcs,
            "description": self.description,
            "classification": self.classification,
            "nullable": self.nullable,
            "key": self.key,
        }
        said = {name: getattr(self, name) for name in ("unit", "purpose", "mask", "declassified")}
        choices = {"choices": list(self.type.choices)} if self.type.choices else {}
        return described | {name: value for name, value in said.items() if value} | choices


class Contract:
    """Base of all contracts. The docstring says the grain; each annotated attribute is a column.

    A subclass never raises at definition: its mistakes are collected in `problems`, and the product that uses it
    reports all of them together.
    """

    columns: ClassVar[tuple[Column, ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()
    grain: ClassVar[str] = ""
    problems: ClassVar[tuple[Problem, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Imported here because the reader needs Contract's own vocabulary.
        from dagmesh.model.contract_reading import read_contract

        module = sys.modules.get(cls.__module__)
        cls.columns, cls.rules, cls.problems = read_contract(cls, getattr(module, "__file__", None) or cls.__module__)
        cls.grain = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip()

    @classmethod
    def key(cls) -> tuple[str, ...]:
        """The names of the key columns, in order."""
        return tuple(column.name for column in cls.columns if column.key)

    @classmethod
    def column(cls, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        return next(column for column in cls.columns if column.name == name)

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """The contract as JSON values: what is signed, fingerprinted and diffed."""
        return {
            "name": cls.__name__,
            "grain": cls.grain,
            "columns": [column.describe() for column in cls.columns],
            "rules": [rule.describe() for rule in cls.rules],
        }

    @classmethod
    def fingerprint(cls) -> str:
        """SHA-256 of the contract and of its checks' source, hexadecimal."""
        return _fingerprint(cls)  # type: ignore[arg-type]  # mypy: a class is hashable

    @classmethod
    def to_model(cls) -> type[DataFrameModel]:
        """The contract as a `pandera.pandas.DataFrameModel`: the reference every verdict is held against."""
        from dagmesh.model.pandera_model import to_model

        return to_model(cls)  # type: ignore[arg-type]  # mypy: a class is hashable

    @classmethod
    def validate(cls, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame, when it keeps the contract; else raises `pandera.errors.SchemaErrors` with every failure."""
        return cls.to_model().validate(frame, lazy=True)


@cache
def _fingerprint(contract: type[Contract]) -> str:
    functions = [inspect.getsource(rule.function) for rule in contract.rules if rule.function]
    text = json.dumps([contract.describe(), functions], sort_keys=True, default=json_value)
    return hashlib.sha256(text.encode()).hexdigest()
