"""Tests of products on plain rows: `call` runs a product's function, `check` holds rows against its contract.

    rows = testing.call(refund_rates, refund_requests=[{"day": date(2026, 1, 1), "amount_eur": Decimal("19.90")}])
    testing.check(refund_rates, rows)

Rows are dictionaries of int, float, Decimal, str, bool, date, datetime (with a time zone), lists of these, and None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagmesh.errors import AuditRefused, nearest, one_of
from dagmesh.model.contract import Contract
from dagmesh.model.product import DataProduct
from dagmesh.model.rule import Rule
from dagmesh.model.types import DEFAULT_PRECISION, DEFAULT_SCALE, ColumnType

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Row = Mapping[str, Any]
_SHOWN_ROWS = 3


@dataclass(frozen=True)
class Typed:
    """Rows together with the DuckDB types of some of their columns."""

    rows: Sequence[Row]
    types: Mapping[str, str] = field(default_factory=dict)


def typed(rows: Sequence[Row], types: Mapping[str, str]) -> Typed:
    """Rows whose values alone do not tell their types: `typed([], {"day": "DATE", "amount_eur": "DECIMAL(18, 2)"})`."""
    return Typed(rows, types)


def call(product: DataProduct[..., Any], /, **inputs: Sequence[Row] | Typed | date) -> list[dict[str, Any]]:
    """The rows the product's function makes of plain rows, as a run would call it; nothing is audited or published.

    Each parameter receives its rows in the form it is annotated with; one annotated `datetime.date` receives its date.
    Times come back in UTC.

    Raises:
        TypeError: an input is missing or unknown, or its rows do not tell their types.
    """
    import duckdb

    from dagmesh.orchestrate.forms import computed

    _check_inputs(product, inputs)
    day = next((inputs[read.parameter] for read in product.reads if read.form == "day"), None)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        tables = {read.parameter: _table(con, read.parameter, inputs[read.parameter]) for read in product.inputs}
        result = computed(con, product, tables, day if isinstance(day, date) else None)
        return _plain_rows(con.sql(f"FROM {result}").to_arrow_table())


def check(product: DataProduct[..., Any], rows: Sequence[Row], /) -> None:
    """Nothing, when the rows keep the product's contract: its columns, their types, and its rules as Pandera judges them.

    A rule of severity "warn", and failing rows within a rule's `max_failing`, do not stop a publication and pass here.

    Raises:
        AuditRefused: with every wrong column and value, or else every broken rule and the first rows that break it.
    """
    contract = product.contract
    broken = [*_wrong_columns(contract, rows), *_wrong_values(contract, rows)] or list(_broken_rules(contract, rows))
    if broken:
        raise AuditRefused("\n  ".join([f"{product.name}: {len(rows)} rows do not keep {contract.__name__}:", *broken]))


def _check_inputs(product: DataProduct[..., Any], inputs: Mapping[str, Any]) -> None:
    parameters = {read.parameter: read.form for read in product.reads}
    for name in inputs:
        if name not in parameters:
            known = f"choose {one_of(parameters)}" if parameters else "it has none"
            raise TypeError(f"{product.name}: no parameter '{name}'; {known}.{nearest(name, parameters)}")
    for name, form in parameters.items():
        if name not in inputs:
            wanted = "a date" if form == "day" else "a list of rows"
            raise TypeError(f"{product.name}: parameter '{name}' is missing; give it {wanted}.")
        if (form == "day") != isinstance(inputs[name], date):
            raise TypeError(f"{product.name}: parameter '{name}' takes {'a date' if form == 'day' else 'rows'}; got {inputs[name]!r}.")


# Plain rows -> a DuckDB table


def _table(con: duckdb.DuckDBPyConnection, name: str, given: Any) -> str:
    """The name, quoted for SQL, of a new table that holds the rows."""
    import pyarrow as pa

    source = given if isinstance(given, Typed) else Typed(given)
    names = dict.fromkeys([*(column for row in source.rows for column in row), *source.types])
    if not names:
        raise TypeError(f'{name}: no rows tell no types; write {name}=testing.typed([], {{"day": "DATE", ...}}).')
    arrays = {column: _array(f"{name}.{column}", source, column) for column in names}
    con.register("plain_rows", pa.table(arrays))
    casts = [f"CAST({_quoted(c)} AS {source.types[c]}) AS {_quoted(c)}" if c in source.types else _quoted(c) for c in names]
    con.execute(f"CREATE TABLE {_quoted(name)} AS SELECT {', '.join(casts)} FROM plain_rows")
    con.unregister("plain_rows")
    return _quoted(name)


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

    scale = max(DEFAULT_SCALE, *(_digits(value)[1] for value in values))
    whole = max(_digits(value)[0] for value in values)
    return pa.decimal128(max(DEFAULT_PRECISION, whole + scale), scale)


def _digits(value: Decimal) -> tuple[int, int]:
    """How many digits a decimal has before and behind its point."""
    exponent = int(value.as_tuple().exponent)
    return max(0, len(value.as_tuple().digits) + exponent), max(0, -exponent)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# A result -> plain rows


def _plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


# Plain rows against a contract


def _wrong_columns(contract: type[Contract], rows: Sequence[Row]) -> Iterable[str]:
    declared = [column.name for column in contract.columns]
    for column in declared:
        without = sum(column not in row for row in rows)
        if without:
            yield f"column '{column}': missing in {without} rows."
    for extra in dict.fromkeys(name for row in rows for name in row if name not in declared):
        yield f"column '{extra}': not in the contract.{nearest(extra, declared)}"


def _wrong_values(contract: type[Contract], rows: Sequence[Row]) -> Iterable[str]:
    for column in contract.columns:
        wrong = [row[column.name] for row in rows if row.get(column.name) is not None and not _fits(row[column.name], column.type)]
        if wrong:
            yield f"column '{column.name}': {wrong[0]!r} is no {column.type.duckdb} ({len(wrong)} rows)."


def _fits(value: Any, kind: ColumnType) -> bool:
    if kind.item:
        return isinstance(value, list) and all(item is None or _fits(item, kind.item) for item in value)
    if kind.digits:
        return isinstance(value, Decimal) and value.is_finite() and _fits_digits(value, kind.digits.precision, kind.digits.scale)
    if kind.kind == "timestamp":
        return isinstance(value, datetime) and value.tzinfo is not None
    expected = {"int": int, "float": float, "str": str, "bool": bool, "date": date}[kind.kind]
    return isinstance(value, expected) and not (kind.kind == "int" and isinstance(value, bool)) and not (isinstance(value, datetime))


def _fits_digits(value: Decimal, precision: int, scale: int) -> bool:
    before, behind = _digits(value)
    return before <= precision - scale and behind <= scale


def _broken_rules(contract: type[Contract], rows: Sequence[Row]) -> Iterable[str]:
    """Each rule that Pandera finds broken in more rows than it allows, with the first of them."""
    import pandas as pd
    from pandera.errors import SchemaErrors

    schema = contract.to_model().to_schema()
    dtypes = {name: column.dtype.type if column.dtype else object for name, column in schema.columns.items()}
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in dtypes.items()})
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        rules = {rule.name: rule for rule in contract.rules}
        for error in errors.schema_errors:
            yield from _broken(rules, contract, error, rows)


def _broken(rules: Mapping[str, Rule], contract: type[Contract], error: Any, rows: Sequence[Row]) -> Iterable[str]:
    name = _rule_name(contract, error)
    rule = rules[name]
    cases = error.failure_cases
    places = sorted(set(cases["index"])) if hasattr(cases, "columns") else []
    if rule.severity == "warn" or (places and len(places) / len(rows) <= rule.max_failing):
        return
    found = f"{len(places)} rows: {', '.join(repr(dict(rows[place])) for place in places[:_SHOWN_ROWS])}" if places else str(cases)
    yield f"{name}: {rule.text}; {found}"


def _rule_name(contract: type[Contract], error: Any) -> str:
    """The rule a Pandera error is about; Pandera has its own words for the two that are arguments of a column."""
    words = {"not_nullable": "not_null", "field_uniqueness": "unique"}
    if error.check == "multiple_fields_uniqueness":
        return Rule("unique", contract.key()).name
    return f"{error.schema.name}__{words[error.check]}" if error.check in words else str(error.check.name)
