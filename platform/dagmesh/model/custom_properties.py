"""Custom properties: what a Bitol standard has no word for, under camelCase names that begin with `dagmesh`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PREFIX = "dagmesh"


def custom_properties(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list a standard's `customProperties` takes: `late_days` becomes `dagmeshLateDays`."""
    return [{"property": _PREFIX + "".join(word.capitalize() for word in name.split("_")), "value": value} for name, value in said.items()]


def said_in(properties: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What dagmesh said in a list of custom properties, by our own names; those of other tools are left out."""
    found = ((entry["property"], entry["value"]) for entry in properties)
    return {_snake(name.removeprefix(_PREFIX)): value for name, value in found if re.match(rf"{_PREFIX}[A-Z]", name)}


def _snake(words: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", words).lower()
