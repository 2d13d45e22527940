"""Typed payloads: every schema is columns, and whatever a type accepts its columns hold without loss."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.sealing import connection, valued

from dagmesh.errors import EventRefused
from dagmesh.events.event import canonical
from dagmesh.events.event_type import EventType
from dagmesh.events.lifting import as_json
from dagmesh.events.typed import fields, from_json, shape_of, typed_sql

EUR = {"type": "string", "format": "decimal"}


def of(**properties: Any) -> EventType:
    return EventType("OrderPlaced", 1, {"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("spec", "type"),
    [
        ({"type": "string"}, "VARCHAR"),
        ({"type": "string", "format": "email"}, "VARCHAR"),
        ({"type": "string", "format": "date"}, "DATE"),
        ({"type": "string", "format": "date-time"}, "TIMESTAMPTZ"),
        (EUR, "DECIMAL(18,2)"),
        ({**EUR, "x-precision": 9, "x-scale": 4}, "DECIMAL(9,4)"),
        ({"type": "integer"}, "BIGINT"),
        ({"type": ["null", "integer"]}, "BIGINT"),
        ({"type": "number"}, "DOUBLE"),
        ({"type": "boolean"}, "BOOLEAN"),
        ({"type": "array", "items": EUR}, "DECIMAL(18,2)[]"),
        ({"type": "array"}, "JSON[]"),
        ({"type": "object", "properties": {"a b": {"type": "array", "items": {"type": "integer"}}}}, 'STRUCT("a b" BIGINT[])'),
        ({"type": "object"}, "JSON"),
        ({"type": "object", "properties": {"a": {}, "A": {}}}, "JSON"),
        ({"type": ["string", "integer"]}, "JSON"),
        ({"anyOf": [{"type": "string"}]}, "JSON"),
        ({"enum": ["a"]}, "JSON"),
        ({}, "JSON"),
        (True, "JSON"),
    ],
)
def test_a_schema_is_a_column_type(spec: Any, type: str) -> None:
    assert of(field=spec).fields["field"].type == type


def test_a_field_named_like_a_column_of_the_event_ends_in_an_underscore() -> None:
    found = of(time={"type": "string"}, Subject={}, eur=EUR).fields

    assert [field.column for field in found.values()] == ["time_", "Subject_", "eur"]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"eur": {}, "EUR": {}}, "event type OrderPlaced 1: fields 'eur' and 'EUR' would be one column of a table; rename one."),
        ({"time": {}, "time_": {}}, "event type OrderPlaced 1: fields 'time' and 'time_' would be one column of a table; rename one."),
        (
            {"eur": {**EUR, "x-scale": 19}},
            "event type OrderPlaced 1: field eur: no decimal has precision 18 and scale 19; x-precision is 1 to 38 and x-scale 0 to "
            "x-precision.",
        ),
    ],
)
def test_fields_that_cannot_be_columns_are_refused_with_their_type(properties: dict[str, Any], message: str) -> None:
    with pytest.raises(EventRefused) as refusal:
        of(**properties)

    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"type": "integer"}, 2**63),
        ({"type": "integer"}, -(2**63) - 1),
        ({"type": "number"}, 10**400),
        (EUR, "1.234"),
        (EUR, "12345678901234567.00"),
        (EUR, "1e2"),
        (EUR, "1,00"),
        (EUR, "٣"),
        (EUR, ""),
        ({**EUR, "x-precision": 2, "x-scale": 2}, "1.00"),
        ({**EUR, "x-precision": 2, "x-scale": 0}, "1.0"),
        ({"type": "string", "format": "date"}, "2026-02-30"),
        ({"type": "string", "format": "date"}, "0000-01-01"),
        ({"type": "string", "format": "date"}, "٢٠٢٦-01-01"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T12:00:60Z"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T12:00:00"),
        ({"type": "string", "format": "date-time"}, "2026-01-01t12:00:00z"),
        ({"type": "string", "format": "date-time"}, "0001-01-01T00:00:00+05:00"),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2**63]),
        ({"type": "object", "properties": {"eur": EUR}}, {"eur": "1.001"}),
    ],
)
def test_a_value_that_its_column_could_not_hold_is_refused(spec: dict[str, Any], value: Any) -> None:
    assert of(field=spec).fault({"field": value}).startswith("data.field")


SCALARS = [{"type": kind} for kind in ("string", "integer", "number", "boolean")]
SCALARS += [
    EUR,
    {**EUR, "x-precision": 3, "x-scale": 3},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {},
]
NAMES = st.sampled_from(["a", "b c", 'q"', "é", "it's"])
SPECS = st.recursive(
    st.sampled_from(SCALARS),
    lambda below: (
        st.builds(lambda items: {"type": "array", "items": items}, below)
        | st.builds(lambda properties: {"type": "object", "properties": properties}, st.dictionaries(NAMES, below, min_size=1, max_size=2))
    ),
    max_leaves=4,
)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    | st.dates().map(str)
    | st.datetimes().map(lambda moment: moment.isoformat() + "+02:00")
    | st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)
)


def values(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that often, not always, fit the schema."""
    if spec.get("type") == "array":
        return st.lists(values(spec["items"]), max_size=2)
    if spec.get("type") == "object":
        return st.fixed_dictionaries({}, optional={name: values(below) for name, below in spec["properties"].items()})
    return ANYTHING


@settings(deadline=None, max_examples=150)
@given(data=st.data(), spec=SPECS)
def test_whatever_a_type_accepts_its_column_holds_without_loss(data: st.DataObject, spec: dict[str, Any]) -> None:
    value = data.draw(values(spec))
    if of(field=spec).fault({"field": value}):
        return
    shape = shape_of("field", spec)
    text = canonical({"field": value})
    con = connection()

    [(found,)] = con.execute(f"SELECT {from_json('$text', {'field': shape})}['field']", {"text": text}).fetchall()
    con.close()

    # As JSON values: DuckDB writes a number in a JSON column as it likes.
    assert as_json(found, shape) == as_json(valued(json.loads(text)["field"], shape), shape)


def test_personal_values_stay_texts_where_the_data_is_as_stored() -> None:
    known = fields("T", {"properties": {"born": {"type": "string", "format": "date", "x-pii": True}, "eur": EUR}}).values()
    con = connection()
    con.execute(
        "CREATE TABLE raw AS SELECT 1 AS position, '' AS id, '' AS source, '' AS type, 1 AS version, '' AS subject, 0 AS time, "
        """'{"born": "dagmesh:sealed:x", "eur": "1.20"}' AS data, ''::BLOB AS predecessor, ''::BLOB AS hash"""
    )

    assert con.execute(f"SELECT born, eur FROM ({typed_sql('raw', known, sealed=True)})").fetchall() == [
        ("dagmesh:sealed:x", Decimal("1.20"))
    ]
