"""Columns of other tools' data contracts, as near as the type table and the rules' words come to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from dagmesh.errors import nearest, one_of
from dagmesh.model.contract import CLASSIFICATIONS
from dagmesh.model.contract_of import column_type_of
from dagmesh.model.rule import json_value

Described = Mapping[str, Any]
Notes = list[str]
# The standard's logical types; None: no type of the table is it, text is the nearest that loses nothing.
_LOGICAL: dict[str, str | None] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "array": "VARCHAR[]",
    "time": None,
    "object": None,
    "map": None,
    "vector": None,
}
_PHYSICAL = (
    (r"(var)?char|text|string|uuid|nvarchar|clob", "string"),
    (r"(big|small|tiny|u?big)?int(eger)?\d*|long|short|serial", "integer"),
    (r"double|float\d*|real|decimal|numeric|number", "number"),
    (r"bool(ean)?|bit", "boolean"),
    (r"date", "date"),
    (r"timestamp.*|datetime.*", "timestamp"),
)
_SIZED = re.compile(r"(?:decimal|numeric|number)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)\Z", re.IGNORECASE)
_CLASSES = {"restricted": "confidential", "sensitive": "confidential", "secret": "confidential", "private": "internal"}
_LIMITS = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}


def snake_case(text: str) -> str:
    """The text as a snake_case name: `Order-ID` is `order_id`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")


def column_in(entry: Described, notes: Notes) -> dict[str, Any]:
    """The described column nearest to a property of another tool; what is not the same is noted."""
    name = snake_case(entry["name"])
    if name != entry["name"]:
        notes.append(f"column {entry['name']!r} is named {name}: names are snake_case.")
    type_name = _type(name, entry, notes)
    kind = column_type_of(type_name)
    assert kind is not None
    if not entry.get("description"):
        notes.append(f"column {name} is not described; say what the value means, for a stranger.")
    choices = [value for value in (choice["value"] for choice in entry.get("enum", [])) if isinstance(value, str)]
    return {
        "name": name,
        "type": type_name,
        "logical_type": kind.odcs,
        "description": (entry.get("description") or f"{name.replace('_', ' ').capitalize()}.").strip(),
        "classification": _classification(name, entry, notes),
        "nullable": not (entry.get("required") or entry.get("primaryKey")),
        "key": bool(entry.get("primaryKey")),
        **({"choices": choices} if choices and kind.kind == "str" else {}),
    }


def limits_in(entry: Described, column: Described, notes: Notes) -> Iterator[tuple[str, Any]]:
    """Word and value of each rule that a property's `logicalTypeOptions` say, as JSON values."""
    for option, value in (entry.get("logicalTypeOptions") or {}).items():
        if option in _LIMITS:
            limit = _limit(value, column["logical_type"])
            if limit is None:
                notes.append(f"column {column['name']}: {option} {value!r} cannot be compared with {column['type']} and is left out.")
            else:
                yield _LIMITS[option], limit
        elif option in _LENGTHS and column["type"] == "VARCHAR":
            yield _LENGTHS[option], value
        elif option == "pattern" and column["type"] == "VARCHAR":
            yield from pattern_in(value, column, notes)
        elif option not in ("format", "timezone", "defaultTimezone"):
            notes.append(f"column {column['name']}: {option} {value!r} has no word here and is left out.")


def pattern_in(pattern: str, column: Described, notes: Notes) -> Iterator[tuple[str, Any]]:
    """The rule a pattern of another tool says: found anywhere in the text, as in JSON Schema."""
    try:
        re.compile(pattern)
    except re.error as error:
        notes.append(f"column {column['name']}: pattern {pattern!r} is no regular expression of Python ({error}) and is left out.")
        return
    yield "contains", pattern


def _type(name: str, entry: Described, notes: Notes) -> str:
    """The type table's name for a property's type; text, and a note, where there is none."""
    logical, physical = entry.get("logicalType"), str(entry.get("physicalType") or "")
    sized = _SIZED.match(physical)
    if sized and logical in (None, "number", "integer"):
        return f"DECIMAL({min(int(sized[1]), 38)},{sized[2] or 0})"
    bare = physical.partition("(")[0].strip().lower()
    logical = logical or next((found for pattern, found in _PHYSICAL if re.fullmatch(pattern, bare)), None)
    if logical == "array":
        item = _type(name, {**entry.get("items", {}), "name": name}, notes)
        return "VARCHAR[]" if item.endswith("[]") else f"{item}[]"
    found = _LOGICAL.get(logical or "")
    if found is None:
        shown = entry.get("logicalType") or physical or "no type"
        known = [word for word, type_name in _LOGICAL.items() if type_name]
        why = f"has no place in the type table; choose {one_of(known)}.{nearest(str(shown).lower(), known)} Text is the nearest for now"
        notes.append(f"column {name}: {shown!r} {why}.")
    return found or "VARCHAR"


def _classification(name: str, entry: Described, notes: Notes) -> str:
    said = str(entry.get("classification") or "internal").lower()
    if said in CLASSIFICATIONS:
        return said
    meant = _CLASSES.get(said, "confidential")
    notes.append(f"column {name}: unknown classification {said!r}; choose {one_of(CLASSIFICATIONS)}. It is {meant} for now.")
    return meant


def _limit(value: Any, logical: str) -> Any:
    """A limit as a rule's JSON value; None when it cannot be compared with the column."""
    try:
        if logical == "date":
            return json_value(date.fromisoformat(value))
        if logical == "timestamp":
            moment = datetime.fromisoformat(value)
            return json_value(moment) if moment.tzinfo else None
    except (TypeError, ValueError):
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and (logical == "number" or (logical == "integer" and isinstance(value, int))) else None
