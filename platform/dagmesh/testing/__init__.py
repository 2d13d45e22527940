"""Tests of products on plain rows: `call` runs a product's function, `check` holds rows against its contract.

    rows = testing.call(refund_rates, refund_requests=[{"day": date(2026, 1, 1), "amount_eur": Decimal("19.90")}])
    testing.check(refund_rates, rows)

Rows are dictionaries of int, float, Decimal, str, bool, date, datetime (with a time zone), lists of these, and None. Where a
product is made of events, the rows are events, in the order of their arrival:

    placed = testing.event("OrderPlaced", subject="order/1", time=datetime(2026, 1, 1, tzinfo=UTC), order_id="1", total_eur="19.90")
    rows = testing.call(orders, order_events=[placed])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagmesh.errors import AuditRefused, nearest, one_of
from dagmesh.model.contract import Contract
from dagmesh.model.product import DataProduct
from dagmesh.model.rule import Rule
from dagmesh.model.types import ColumnType
from dagmesh.testing.rows import Row, Typed, digits, plain_rows, table_of

if TYPE_CHECKING:
    import duckdb

_SHOWN_ROWS = 3


def typed(rows: Sequence[Row], types: Mapping[str, str]) -> Typed:
    """Rows whose values alone do not tell their types: `typed([], {"day": "DATE", "amount_eur": "DECIMAL(18, 2)"})`."""
    return Typed(rows, types)


def event(type: str, /, *, subject: str, time: datetime, **data: Any) -> dict[str, Any]:
    """An event of a domain, for a parameter annotated `dm.Events`; it is checked when `call` appends it to a store.

    Decimals, days and moments may be given as such; `id` and `schemaversion`, where they matter, are added to the dictionary.
    """
    return {"type": type, "subject": subject, "time": time, "data": data}


def call(product: DataProduct[..., Any], /, **inputs: Sequence[Row] | Typed | date) -> list[dict[str, Any]]:
    """The rows the product's function makes of plain rows, as a run would call it; nothing is audited or published.

    Each parameter receives its rows in the form it is annotated with; one annotated `datetime.date` receives its date. Events
    are appended, feed by feed, to a store that knows the types of the product's domain, and folded as in a run; a function's
    window does not leave any out. Times come back in UTC.

    Raises:
        TypeError: an input is missing or unknown, or its rows do not tell their types.
        EventRefused: an event is not as its type says.
    """
    import duckdb

    _check_inputs(product, inputs)
    with duckdb.connect() as con, ExitStack() as stack:
        con.execute("SET TimeZone = 'UTC'")
        result = _result(con, product, inputs, stack)
        return plain_rows(con.sql(f"FROM {result}").to_arrow_table())


def _result(con: duckdb.DuckDBPyConnection, product: DataProduct[..., Any], inputs: Mapping[str, Any], stack: ExitStack) -> str:
    """FROM-able text of the product's rows, as long as the stack is open."""
    from dagmesh.orchestrate.forms import computed
    from dagmesh.testing.events import told

    events = {read: inputs[read.parameter] for read in product.inputs if read.form == "events"}
    folding = stack.enter_context(told(con, product, events)) if events else None
    if folding and product.projection:
        return folding.rows([])
    day = next((inputs[read.parameter] for read in product.reads if read.form == "day"), None)
    given = {
        read.parameter: folding.window(read.source, None)
        if folding and read.form == "events"
        else table_of(con, read.parameter, inputs[read.parameter])
        for read in product.inputs
    }
    return computed(con, product, given, day if isinstance(day, date) else None)


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
            wanted = {"day": "a date", "events": "a list of events"}.get(form, "a list of rows")
            raise TypeError(f"{product.name}: parameter '{name}' is missing; give it {wanted}.")
        if (form == "day") != isinstance(inputs[name], date):
            raise TypeError(f"{product.name}: parameter '{name}' takes {'a date' if form == 'day' else 'rows'}; got {inputs[name]!r}.")


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
    before, behind = digits(value)
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
