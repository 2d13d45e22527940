"""The one table that maps a contract's annotations to DuckDB, Arrow, Delta, pandas, Polars and ODCS types.

| annotation                        | DuckDB        | Arrow                  | Delta         | pandas (no NULLs / NULLs)        | Polars                | ODCS      |
|-----------------------------------|---------------|------------------------|---------------|----------------------------------|-----------------------|-----------|
| int                               | BIGINT        | int64                  | long          | int64 / Int64                    | Int64                 | integer   |
| float                             | DOUBLE        | double                 | double        | float64                          | Float64               | number    |
| Decimal, Annotated[.., dm.digits] | DECIMAL(p,s)  | decimal128(p, s)       | decimal(p,s)  | object of Decimal                | Decimal(p, s)         | number    |
| str, Literal of str, Enum of str  | VARCHAR       | string                 | string        | str                              | String                | string    |
| bool                              | BOOLEAN       | bool                   | boolean       | bool / boolean                   | Boolean               | boolean   |
| datetime.date                     | DATE          | date32[day]            | date          | object of datetime.date          | Date                  | date      |
| datetime.datetime (always UTC)    | TIMESTAMPTZ   | timestamp[us, tz=UTC]  | timestamp     | datetime64[us, UTC]              | Datetime('us', 'UTC') | timestamp |
| list[T]                           | T[]           | list<T>                | array<T>      | object of list                   | List(T)               | array     |

A `| None` makes the column nullable. Delta columns are all physically nullable: the contract's own rule decides.
"""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

Kind = typing.Literal["int", "float", "decimal", "str", "bool", "date", "timestamp", "list"]
DEFAULT_PRECISION, DEFAULT_SCALE = 18, 2
ANNOTATIONS = "int, float, Decimal, Annotated[Decimal, dm.digits(p, s)], str, bool, date, datetime, Literal[...], Enum or list[...]"

_PLAIN: dict[object, Kind] = {int: "int", float: "float", Decimal: "decimal", str: "str", bool: "bool", date: "date", datetime: "timestamp"}
_DUCKDB = {"int": "BIGINT", "float": "DOUBLE", "str": "VARCHAR", "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE"}
_DELTA = {"int": "long", "float": "double", "str": "string", "bool": "boolean", "date": "date", "timestamp": "timestamp"}
_ODCS = {
    "int": "integer",
    "float": "number",
    "decimal": "number",
    "str": "string",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "list": "array",
}


@dataclass(frozen=True)
class Digits:
    """How many digits a decimal column has in all (`precision`) and behind the point (`scale`)."""

    precision: int
    scale: int


def digits(precision: int, scale: int) -> Digits:
    """The size of a decimal column, for `Annotated[Decimal, dm.digits(12, 4)]`; precision 1 to 38, scale up to it."""
    if not (1 <= precision <= 38 and 0 <= scale <= precision):
        raise ValueError(f"digits({precision}, {scale}): precision is 1 to 38 and scale 0 to precision.")
    return Digits(precision, scale)


@dataclass(frozen=True)
class ColumnType:
    """One column's logical type; `choices` for enumerations, `item` for lists, `digits` for decimals."""

    kind: Kind
    digits: Digits | None = None
    item: ColumnType | None = None
    choices: tuple[str, ...] = ()

    @property
    def duckdb(self) -> str:
        """The type's name as DuckDB's DESCRIBE prints it."""
        if self.digits:
            return f"DECIMAL({self.digits.precision},{self.digits.scale})"
        return f"{self.item.duckdb}[]" if self.item else _DUCKDB[self.kind]

    @property
    def delta(self) -> object:
        """The type as the Delta protocol's schema JSON writes it."""
        if self.digits:
            return f"decimal({self.digits.precision},{self.digits.scale})"
        if self.item:
            return {"type": "array", "elementType": self.item.delta, "containsNull": True}
        return _DELTA[self.kind]

    @property
    def odcs(self) -> str:
        """The logical type of the Open Data Contract Standard."""
        return _ODCS[self.kind]

    def pandas(self, nullable: bool) -> str:
        """The pandas dtype's name."""
        by_kind = {"int": "Int64" if nullable else "int64", "float": "float64", "str": "str", "bool": "boolean" if nullable else "bool"}
        return by_kind.get(self.kind, "datetime64[us, UTC]" if self.kind == "timestamp" else "object")

    @property
    def polars(self) -> str:
        """The Polars type as its `repr` without a module prefix."""
        if self.digits:
            return f"Decimal(precision={self.digits.precision}, scale={self.digits.scale})"
        if self.item:
            return f"List({self.item.polars})"
        names = {"int": "Int64", "float": "Float64", "str": "String", "bool": "Boolean", "date": "Date"}
        return names.get(self.kind, "Datetime(time_unit='us', time_zone='UTC')")


def column_type(annotation: object) -> tuple[ColumnType, bool] | None:
    """The column type an annotation means and whether NULL is allowed; None when the table has no such annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        others = [a for a in arguments if a is not type(None)]
        inner = column_type(others[0]) if len(others) == 1 and len(others) < len(arguments) else None
        return (inner[0], True) if inner else None
    found = _required_type(annotation, origin, arguments)
    return (found, False) if found else None


def _required_type(annotation: object, origin: object, arguments: tuple[object, ...]) -> ColumnType | None:
    if origin is typing.Annotated:
        size = next((a for a in arguments[1:] if isinstance(a, Digits)), None)
        return ColumnType("decimal", size) if arguments[0] is Decimal and size else None
    if origin is list:
        item = column_type(arguments[0])
        return ColumnType("list", item=item[0]) if item and item[0].kind != "list" else None
    if origin is typing.Literal:
        choices = tuple(a for a in arguments if isinstance(a, str))
        return ColumnType("str", choices=choices) if len(choices) == len(arguments) else None
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        values = tuple(member.value for member in annotation)
        return ColumnType("str", choices=values) if all(isinstance(v, str) for v in values) else None
    kind = _PLAIN.get(annotation)
    return ColumnType(kind, Digits(DEFAULT_PRECISION, DEFAULT_SCALE) if kind == "decimal" else None) if kind else None
