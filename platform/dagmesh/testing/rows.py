"""Plain rows as DuckDB tables, and results as plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagmesh.audit.literals import quoted
from dagmesh.errors import one_of
from dagmesh.model.types import DEFAULT_PRECISION, DEFAULT_SCALE

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Typed:
    """Rows together with the DuckDB types of some of their columns."""

    rows: Sequence[Row]
    types: Mapping[str, str] = field(default_factory=dict)


def table_of(con: duckdb.DuckDBPyConnection, name: str, given: Any) -> str:
    """The name, quoted for SQL, of a new table that holds the rows."""
    import pyarrow as pa

    source = given if isinstance(given, Typed) else Typed(given)
    names = dict.fromkeys([*(column for row in source.rows for column in row), *source.types])
    if not names:
        raise TypeError(f'{name}: no rows tell no types; write {name}=testing.typed([], {{"day": "DATE", ...}}).')
    arrays = {column: _array(f"{name}.{column}", source, column) for column in names}
    con.register("plain_rows", pa.table(arrays))
    casts = [f"CAST({quoted(c)} AS {source.types[c]}) AS {quoted(c)}" if c in source.types else quoted(c) for c in names]
    con.execute(f"CREATE TABLE {quoted(name)} AS SELECT {', '.join(casts)} FROM plain_rows")
    con.unregister("plain_rows")
    return quoted(name)


def _array(place: str, source: Typed, column: str) -> pa.Array:
    import pyarrow as pa

    values = [_plain(row.get(column)) for row in source.rows]
    return pa.array(values) if column in source.types else pa.array(values, _arrow_type(place, values))


def _arrow_type(place: str, values: Iterable[Any]) -> pa.DataType:
    """The one Arrow type that holds all the values; see the type table for what each Python type means."""
    import pyarrow as pa

    known = [value for value in values if value is not None]
    kinds = {_kind(place, value) for value in known}
    if kinds == {list}:
        return pa.list_(_arrow_type(f"{place}[]", [item for value in known for item in value]))
    if Decimal in kinds and kinds <= {int, Decimal}:
        return _decimal_type([Decimal(value) for value in known])
    if kinds == {int, float}:
        return pa.float64()
    if not kinds:
        column = place.partition(".")[2]
        raise TypeError(f"{place}: no value tells its type; wrap the rows: testing.typed(rows, {{{column!r}: <DuckDB type>}}).")
    if len(kinds) > 1:
        raise TypeError(f"{place}: mixes {one_of(sorted(kind.__name__ for kind in kinds))}; a column has one type.")
    simple = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        date: pa.date32(),
        datetime: pa.timestamp("us", "UTC"),
    }
    return simple[kinds.pop()]


def _kind(place: str, value: Any) -> type:
    kinds = (bool, int, float, Decimal, str, datetime, date, list)  # a bool is an int and a datetime a date: in this order
    kind = next((kind for kind in kinds if isinstance(value, kind)), None)
    if kind is None:
        names = one_of(kind.__name__ for kind in kinds)
        raise TypeError(f"{place}: {value!r} is a {type(value).__name__}; write {names}, or wrap the rows in testing.typed.")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise TypeError(f"{place}: {value!r} has no time zone; all times are UTC: datetime(..., tzinfo=UTC).")
    return kind


def _decimal_type(values: Sequence[Decimal]) -> pa.DataType:
    """A decimal of the default size where the values fit, else just as large as they need."""
    import pyarrow as pa

    scale = max(DEFAULT_SCALE, *(digits(value)[1] for value in values))
    whole = max(digits(value)[0] for value in values)
    return pa.decimal128(max(DEFAULT_PRECISION, whole + scale), scale)


def digits(value: Decimal) -> tuple[int, int]:
    """How many digits a decimal has before and behind its point."""
    exponent = int(value.as_tuple().exponent)
    return max(0, len(value.as_tuple().digits) + exponent), max(0, -exponent)


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a result as dictionaries, times in UTC."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
