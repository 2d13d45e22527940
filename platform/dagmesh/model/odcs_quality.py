"""A rule as a quality rule of the Open Data Contract Standard, and back.

What the standard's library can count (NULLs, duplicates, values that are not listed or not of a pattern) is said with its metrics;
every other rule is a `custom` one of the engine `dagmesh`, whose implementation is the rule itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dagmesh.model.contract_of import rule_of
from dagmesh.model.custom_properties import custom_properties, said_in

Described = Mapping[str, Any]
ENGINE = "dagmesh"
_DIMENSIONS = {"not_null": "completeness", "unique": "uniqueness"}


def quality_of(rule: Described, column: str | None) -> dict[str, Any]:
    """The quality rule that says a described rule, in the list of a column, or of the whole schema (None)."""
    across = len(rule["columns"]) > 1 and rule["kind"] not in ("unique", "check")
    library = _library(rule, column)
    return {
        "name": rule["name"],
        "description": rule_of(rule).text,
        "dimension": "consistency" if across else _DIMENSIONS.get(rule["kind"], "conformity"),
        "severity": rule["severity"],
        **(library or {"type": "custom", "engine": ENGINE, "implementation": _implementation(rule, column)}),
    }


def rule_in(quality: Described, column: str | None) -> dict[str, Any]:
    """The described rule that a quality rule written by `quality_of` says."""
    said = said_in(quality.get("customProperties", []))
    own = [column] if column else []
    if quality.get("type") == "custom":
        found = {"columns": own, **quality["implementation"]}
        found |= {"description": quality["description"]} if found["kind"] == "check" else {}
    else:
        arguments = quality.get("arguments", {})
        kind, value = _counted(quality["metric"], arguments)
        value = said.pop("pattern", value)
        found = {"kind": kind, "columns": arguments.get("properties", own)} | ({} if value is None else {"value": value}) | said
    return {"name": quality["name"], "severity": quality["severity"], **found}


def anchored(pattern: str) -> str:
    """The pattern for tools that search: `matches` begins at the start of the text, where a tool of the standard may not."""
    return pattern if pattern.startswith("^") and "|" not in pattern else f"^(?:{pattern})"


def _library(rule: Described, column: str | None) -> dict[str, Any] | None:
    """The metric of the standard that counts what breaks the rule; None when it has none."""
    kind, value = rule["kind"], rule.get("value")
    said = {"max_failing": rule["max_failing"]} if "max_failing" in rule else {}
    arguments: dict[str, Any] = {}
    if kind == "not_null":
        metric = "nullValues"
    elif kind == "unique":
        metric = "duplicateValues"
        arguments = {} if rule["columns"] == [column] else {"properties": rule["columns"]}
    elif kind == "isin" and all(_is_plain(member) for member in value or ()):
        metric, arguments = "invalidValues", {"validValues": value}
    elif kind == "matches":
        metric, arguments = "invalidValues", {"pattern": anchored(str(value))}
        said |= {"pattern": value} if arguments["pattern"] != value else {}
    else:
        return None
    custom = {"customProperties": custom_properties(said)} if said else {}
    return {"metric": metric, **({"arguments": arguments} if arguments else {}), **_most(rule), **custom}


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict) and (not isinstance(value, float) or math.isfinite(value))


def _most(rule: Described) -> dict[str, Any]:
    """How much may break the rule, in the standard's words."""
    share = rule.get("max_failing")
    return {"mustBeLessOrEqualTo": round(share * 100, 6), "unit": "percent"} if share else {"mustBe": 0}


def _implementation(rule: Described, column: str | None) -> dict[str, Any]:
    said_beside = {"name", "severity", "description"} | ({"columns"} if rule["columns"] == [column] else set())
    return {word: value for word, value in rule.items() if word not in said_beside}


def _counted(metric: str, arguments: Described) -> tuple[str, Any]:
    """The kind of rule a metric counts, and its value."""
    if metric == "invalidValues":
        return ("isin", arguments["validValues"]) if "validValues" in arguments else ("matches", arguments["pattern"])
    return {"nullValues": "not_null", "duplicateValues": "unique"}[metric], None
