"""Brings rows into a contract's columns by casts that cannot lose anything, or says what to write instead.

| from                                                           | to            | note                                   |
|----------------------------------------------------------------|---------------|----------------------------------------|
| any smaller or larger integer                                  | BIGINT        | beyond 64 bits raises when staged      |
| FLOAT, integers of up to 32 bits                               | DOUBLE        | each has an exact double               |
| DECIMAL(q,t) with t <= s, any integer                          | DECIMAL(p,s)  | too many digits raise when staged      |
| ENUM, UUID                                                     | VARCHAR       |                                        |
| TIMESTAMPTZ_NS                                                 | TIMESTAMPTZ   | parts of a microsecond raise           |
| T[], T[n]                                                      | U[]           | where T casts to U                     |
| NULL (a column that is nothing else)                           | any           |                                        |

Everything else is for the author to decide: a TIMESTAMP does not say its zone, a DOUBLE is not exactly the decimal it
prints as, and text may not be what it seems.
"""

from __future__ import annotations

import re

import duckdb

from dagmesh.audit.literals import quoted
from dagmesh.errors import SchemaMismatch, nearest
from dagmesh.model.contract import Column, Contract
from dagmesh.model.types import ColumnType

_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
_INTEGERS = (*_SMALL, "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_LIST = re.compile(r"(?P<item>.*)\[\d*\]")
_NULL = '"NULL"'


def conform_sql(con: duckdb.DuckDBPyConnection, sql: str, contract: type[Contract]) -> str:
    """FROM-able text of the rows of FROM-able `sql`, with the contract's columns in its order and types.

    Raises:
        SchemaMismatch: a column is missing, extra or of a type that no cast of the table above brings to the contract's.
    """
    types = column_types(con, sql)
    found = differences(types, contract, exact=False)
    if found:
        raise SchemaMismatch(contract.__name__, found)
    columns = ", ".join(_cast(quoted(c.name), types[c.name], c.type) + f" AS {quoted(c.name)}" for c in contract.columns)
    return f"(SELECT {columns} FROM {sql})"


def column_types(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Column names and DuckDB types of FROM-able `sql`."""
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {sql}").fetchall()}


def differences(types: dict[str, str], contract: type[Contract], *, exact: bool) -> list[str]:
    """Each column that is missing, of another type (where not `exact`: that no lossless cast mends) or extra, with what to write."""
    wanted = {column.name: column for column in contract.columns}
    lines = [_difference(column, types) for column in contract.columns if not _fits(types.get(column.name), column.type, exact=exact)]
    extra = [name for name in types if name not in wanted]
    return lines + [f"column '{name}' is not in the contract; leave it out, or add it there.{nearest(name, wanted)}" for name in extra]


def _fits(found: str | None, wanted: ColumnType, *, exact: bool) -> bool:
    if found is None or exact:
        return found == wanted.duckdb
    return _castable(found, wanted)


def _castable(found: str, wanted: ColumnType) -> bool:
    items = _LIST.fullmatch(found)
    if wanted.item:
        return found == _NULL or bool(items and _castable(items["item"], wanted.item))
    if found in (wanted.duckdb, _NULL):
        return True
    if wanted.digits:
        decimal = _DECIMAL.fullmatch(found)
        return found in _INTEGERS or bool(decimal and int(decimal[2]) <= wanted.digits.scale)
    if wanted.kind == "str":
        return found == "UUID" or (found.startswith("ENUM(") and not items)
    return found in {"int": _INTEGERS, "float": ("FLOAT", *_SMALL), "timestamp": ("TIMESTAMPTZ_NS",)}.get(wanted.kind, ())


def _cast(name: str, found: str, wanted: ColumnType) -> str:
    if found == wanted.duckdb:
        return name
    if found == "TIMESTAMPTZ_NS":
        lost = "error('parts of a microsecond would be lost; round them, for example with date_trunc(''microsecond'', ...)')"
        return f"CASE WHEN epoch_ns({name}) % 1000 = 0 THEN {name}::TIMESTAMPTZ WHEN {name} IS NOT NULL THEN {lost} END"
    return f"CAST({name} AS {wanted.duckdb})"


def _difference(column: Column, types: dict[str, str]) -> str:
    found, wanted = types.get(column.name), column.type
    if found is None:
        close = nearest(column.name, types)
        return f"column '{column.name}' is missing; select {_article(wanted.duckdb)} {wanted.duckdb} of that name.{close}"
    why, cast = _advice(column.name, found, wanted)
    return f"column '{column.name}' is {_article(found)} {found}, the contract says {wanted.duckdb}; {why}: {cast} AS {column.name}."


def _advice(name: str, found: str, wanted: ColumnType) -> tuple[str, str]:
    """Why the platform does not cast by itself, and the cast to write."""
    cast = f"CAST({name} AS {wanted.duckdb})"
    if wanted.kind == "timestamp" and found.startswith("TIMESTAMP"):
        return "it does not say its time zone, so say which it is in", f"{name} AT TIME ZONE 'UTC'"
    if wanted.digits and found in ("DOUBLE", "FLOAT"):
        return "it is not exact, so say how it is rounded", f"CAST(round({name}, {wanted.digits.scale}) AS {wanted.duckdb})"
    if wanted.digits and found.startswith("DECIMAL"):
        return "digits would be lost, so say how it is rounded", f"CAST(round({name}, {wanted.digits.scale}) AS {wanted.duckdb})"
    if found == "VARCHAR":
        return "text is not read as anything else unasked, so cast it", cast
    return "the cast may lose something, so write it", cast


def _article(word: str) -> str:
    return "an" if word[0] in "AEIOU" else "a"
