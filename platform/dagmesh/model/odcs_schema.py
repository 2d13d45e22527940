"""A contract as the schema object of the Open Data Contract Standard, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dagmesh.model.contract_of import column_type_of, value_of
from dagmesh.model.custom_properties import custom_properties, said_in
from dagmesh.model.odcs_quality import anchored, quality_of, rule_in

Described = Mapping[str, Any]
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "int": {"format": "i64"},
    "float": {"format": "f64"},
    "timestamp": {"timezone": True, "defaultTimezone": "Etc/UTC"},
}
# What the standard says of a column in its own words; the rest of a column's description is custom.
_CARRIED = frozenset({"name", "type", "logical_type", "description", "classification", "nullable", "key", "choices"})


def schema_of(product: Described) -> dict[str, Any]:
    """The schema object of a product's contract: one property a column, the rules as quality rules where they belong."""
    contract = product["contract"]
    key = [column["name"] for column in contract["columns"] if column["key"]]
    rules = [(rule, _is_of_all(rule, number, key)) for number, rule in enumerate(contract["rules"])]
    properties = []
    for column in contract["columns"]:
        own = [rule for rule, of_all in rules if not of_all and rule["columns"][0] == column["name"]]
        properties.append(_property(column, own, key, product["partitioned_by"]))
    quality = [quality_of(rule, None) for rule, of_all in rules if of_all]
    return {
        "name": product["name"],
        "logicalType": "object",
        "physicalType": "table",
        "dataGranularityDescription": contract["grain"],
        "properties": properties,
        **({"quality": quality} if quality else {}),
        "customProperties": custom_properties({"contract": contract["name"]}),
    }


def contract_in(schema: Described) -> dict[str, Any]:
    """The described contract in a schema object written by `schema_of`."""
    of_all = [rule_in(quality, None) for quality in schema.get("quality", [])]
    of_one = [rule_in(quality, entry["name"]) for entry in schema["properties"] for quality in entry.get("quality", [])]
    checks = [rule for rule in of_all if rule["kind"] == "check"]
    return {
        "name": said_in(schema["customProperties"])["contract"],
        "grain": schema["dataGranularityDescription"],
        "columns": [_column(entry) for entry in schema["properties"]],
        "rules": [*(rule for rule in of_all if rule not in checks), *of_one, *checks],
    }


def partition_in(schema: Described) -> str | None:
    """The column a schema object says its data are partitioned by."""
    return next((entry["name"] for entry in schema["properties"] if entry.get("partitioned")), None)


def _is_of_all(rule: Described, number: int, key: list[str]) -> bool:
    """Whether the rule belongs to no one column: a Python check, or the uniqueness of the key, which comes first."""
    return rule["kind"] == "check" or (number == 0 and bool(key))


def _property(column: Described, rules: list[Described], key: list[str], partitioned_by: str | None) -> dict[str, Any]:
    name, options = column["name"], _options(column, rules)
    custom = {word: value for word, value in column.items() if word not in _CARRIED}
    parts: dict[str, Any] = {
        "name": name,
        "primaryKey": column["key"] or None,
        "primaryKeyPosition": key.index(name) + 1 if column["key"] else None,
        "logicalType": column["logical_type"],
        "logicalTypeOptions": options or None,
        "physicalType": column["type"],
        "required": not column["nullable"],
        "unique": any(rule["kind"] == "unique" for rule in rules) or None,
        "description": column["description"],
        "partitioned": name == partitioned_by or None,
        "partitionKeyPosition": 1 if name == partitioned_by else None,
        "classification": column["classification"],
        "enum": [{"value": choice} for choice in column.get("choices", ())] or None,
        "items": _items(column["type"]),
        "quality": [quality_of(rule, name) for rule in rules] or None,
        "customProperties": custom_properties(custom) or None,
    }
    return {word: value for word, value in parts.items() if value is not None}


def _column(entry: Described) -> dict[str, Any]:
    choices = {"choices": [choice["value"] for choice in entry["enum"]]} if "enum" in entry else {}
    return {
        "name": entry["name"],
        "type": entry["physicalType"],
        "logical_type": entry["logicalType"],
        "description": entry["description"],
        "classification": entry["classification"],
        "nullable": not entry["required"],
        "key": entry.get("primaryKey", False),
        **said_in(entry.get("customProperties", [])),
        **choices,
    }


def _items(type_name: str) -> dict[str, str] | None:
    kind = column_type_of(type_name)
    return {"logicalType": kind.item.odcs, "physicalType": kind.item.duckdb} if kind and kind.item else None


def _options(column: Described, rules: list[Described]) -> dict[str, Any]:
    """The standard's own words for limits that hold without exception: other tools read these, `quality` says them all."""
    kind = column_type_of(column["type"])
    found = dict(_OPTIONS.get(kind.kind, {})) if kind else {}
    for rule in rules:
        if rule["severity"] != "error" or "max_failing" in rule or len(rule["columns"]) > 1:
            continue
        if rule["kind"] in _LIMITS and column["logical_type"] in ("integer", "number", "date", "timestamp"):
            limit = _limit(rule["value"])
            found |= {} if limit is None else {_LIMITS[rule["kind"]]: limit}
        elif rule["kind"] in ("min_length", "max_length"):
            found[f"{rule['kind'][:3]}Length"] = rule["value"]
        elif rule["kind"] == "matches":
            found["pattern"] = anchored(rule["value"])
    return found


def _limit(value: Any) -> int | float | str | None:
    """The limit as the standard writes it; None where a plain number would not be the same number."""
    given = value_of(value)
    if isinstance(given, Decimal):
        return float(given) if given.is_finite() and Decimal(repr(float(given))) == given else None
    if isinstance(given, float):
        return given if math.isfinite(given) else None
    return given if isinstance(given, int) else str(given.isoformat())
