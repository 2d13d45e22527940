"""Typed payloads: the DuckDB column of each field of a JSON schema, and the SQL that reads a payload's text into it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from dagmesh.errors import EventRefused

ENVELOPE = ("position", "id", "source", "type", "version", "subject", "time", "data", "predecessor", "hash")
COLUMNS = tuple(name for name in ENVELOPE if name != "data")  # of events as rows: there the data is fields
Shape = str | list[Any] | dict[str, Any]
"""What DuckDB's from_json takes: the name of a type, a list of one shape, or the shapes of an object's fields."""

_SCALARS = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_ANYTHING = "JSON"  # what has no one type stays JSON text
_BIGINT = {"minimum": -(2**63), "maximum": 2**63 - 1}
_DOUBLE = {"minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z")


@dataclass(frozen=True)
class Field:
    """A field of a payload as a column. `column` is its name, with an underscore where the envelope has a column of that name."""

    name: str
    column: str
    shape: Shape
    personal: bool
    required: bool

    @property
    def type(self) -> str:
        """Its DuckDB type."""
        return duckdb_type(self.shape)


def fields(named: str, schema: Mapping[str, Any]) -> dict[str, Field]:
    """The fields of a payload by name, in the schema's order.

    Args:
        named: whose schema it is, for the error.
        schema: JSON schema of an object with its properties.

    Raises:
        EventRefused: two fields cannot both be columns, or a decimal's precision is none; the message names them.
    """
    made: dict[str, Field] = {}
    taken: dict[str, str] = {}
    for name, spec in schema["properties"].items():
        column = f"{name}_" if name.lower() in ENVELOPE else name
        other = taken.setdefault(column.lower(), name)
        if other != name or not name:
            raise EventRefused(f"{named}: fields {other!r} and {name!r} would be one column of a table; rename one.")
        personal = isinstance(spec, Mapping) and spec.get("x-pii") is True
        made[name] = Field(name, column, shape_of(f"{named}: field {name}", spec), personal, name in schema.get("required", ()))
    return made


def shape_of(named: str, spec: Any) -> Shape:
    """The shape of the values that a schema lets through."""
    kind = _kind(spec)
    if kind == "string":
        return _text_type(named, spec)
    if kind == "array":
        items = spec.get("items")
        return [shape_of(named, items) if isinstance(items, Mapping) else _ANYTHING]
    if kind == "object":
        properties = spec.get("properties") or {}
        distinct = {name.lower() for name in properties} - {""}
        if not properties or len(distinct) < len(properties):
            return _ANYTHING
        return {name: shape_of(f"{named}.{name}", below) for name, below in properties.items()}
    return _SCALARS.get(kind, _ANYTHING)


def _kind(spec: Any) -> str:
    """The one JSON type of the schema's values, null apart; empty when there are several or it does not say."""
    said = spec.get("type") if isinstance(spec, Mapping) else None
    kinds = [kind for kind in ([said] if isinstance(said, str) else said or ()) if kind != "null"]
    return kinds[0] if len(kinds) == 1 else ""


def _text_type(named: str, spec: Mapping[str, Any]) -> str:
    if spec.get("format") == "decimal":
        return "DECIMAL({},{})".format(*_precision(named, spec))
    return {"date": "DATE", "date-time": "TIMESTAMPTZ"}.get(spec.get("format", ""), "VARCHAR")


def _precision(named: str, spec: Mapping[str, Any]) -> tuple[int, int]:
    precision, scale = spec.get("x-precision", 18), spec.get("x-scale", 2)
    if type(precision) is not int or type(scale) is not int or not (0 <= scale <= precision and 1 <= precision <= 38):
        allowed = "x-precision is 1 to 38 and x-scale 0 to x-precision"
        raise EventRefused(f"{named}: no decimal has precision {precision!r} and scale {scale!r}; {allowed}.")
    return precision, scale


def duckdb_type(shape: Shape) -> str:
    """The DuckDB type of a shape: `STRUCT("sku" VARCHAR, "quantity" BIGINT)[]`."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, list):
        return f"{duckdb_type(shape[0])}[]"
    return f"STRUCT({', '.join(f'{quoted(name)} {duckdb_type(below)}' for name, below in shape.items())})"


def from_json(text: str, shape: Shape) -> str:
    """SQL of the value of JSON text, which is SQL too."""
    return f"from_json({text}, {literal(json.dumps(shape))})"


def typed_sql(rows: str, known: Iterable[Field], *, sealed: bool) -> str:
    """SELECT of the rows with a column per field, after those of the envelope; `time` becomes TIMESTAMPTZ.

    Args:
        rows: FROM-able rows of the envelope, `time` in microseconds.
        known: the fields.
        sealed: the data is as stored: personal values are encrypted texts.
    """
    listed = list(known)
    shapes = {field.name: "VARCHAR" if sealed and field.personal else field.shape for field in listed}
    # Materialized: else DuckDB 2.0.0 parses the text again for each of its fields.
    payload = f", {from_json('data', shapes)} AS payload_of_data" if listed else ""
    columns = [f"payload_of_data[{literal(field.name)}] AS {quoted(field.column)}" for field in listed]
    envelope = ", ".join(ENVELOPE).replace("time", "make_timestamptz(time) AS time")
    return f"WITH read AS MATERIALIZED (SELECT {envelope}{payload} FROM {rows}) SELECT {', '.join([*ENVELOPE, *columns])} FROM read"


def tightened(spec: Any) -> Any:
    """The schema, refusing also what its column could not hold: no accepted value is lost where payloads are typed."""
    if not isinstance(spec, Mapping):
        return spec
    kind, made = _kind(spec), dict(spec)
    bounds: Mapping[str, Any] = {}
    if kind == "object" and isinstance(spec.get("properties"), Mapping):
        made["properties"] = {name: tightened(below) for name, below in spec["properties"].items()}
    elif kind == "array" and isinstance(spec.get("items"), Mapping):
        made["items"] = tightened(spec["items"])
    elif kind in ("integer", "number"):
        bounds = _BIGINT if kind == "integer" else _DOUBLE
    elif kind == "string" and spec.get("format") == "decimal":
        bounds = {"pattern": decimal_pattern(*_precision("x-precision", spec))}
    return {"allOf": [made, bounds]} if bounds else made


def decimal_pattern(precision: int, scale: int) -> str:
    """The pattern of a decimal's texts: `-12.50`, no more digits than it has, no exponent."""
    whole = f"[0-9]{{1,{precision - scale}}}" if precision > scale else "0"
    return f"^-?{whole}(\\.[0-9]{{1,{scale}}})?$" if scale else f"^-?{whole}$"


def is_date(text: str) -> bool:
    """Whether the text is a day as DuckDB reads it: `2026-11-19`."""
    return bool(_DATE.match(text)) and _parses(date.fromisoformat, text)


def is_moment(text: str) -> bool:
    """Whether the text is a moment as DuckDB reads it: `2026-11-19T12:00:00Z`, no leap second."""
    return bool(_MOMENT.match(text)) and _parses(lambda given: datetime.fromisoformat(given).astimezone(UTC), text)


def _parses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, OverflowError):
        return False
    return True


FORMATS = {"date": is_date, "date-time": is_moment}


def quoted(name: str) -> str:
    """The SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The SQL string."""
    return "'" + text.replace("'", "''") + "'"
