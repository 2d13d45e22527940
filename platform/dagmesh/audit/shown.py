"""Columns as a report may show them: JSON values, short, restricted ones masked."""

from __future__ import annotations

import math
from typing import Any

from dagmesh.audit.literals import quoted
from dagmesh.model.contract import Column

MASK = "•••"
LONGEST = 200


def shown_sql(column: Column) -> str:
    """The column's value to show: a mask where restricted, text for what JSON has no value for, cut where long."""
    name = quoted(column.name)
    if column.restricted:
        return f"CASE WHEN {name} IS NULL THEN NULL ELSE '{MASK}' END"
    if column.type.kind in ("str", "list", "date", "decimal"):
        return f"left({name}::VARCHAR, {LONGEST})"
    return moment_sql(name) if column.type.kind == "timestamp" else name


def moment_sql(moment: str) -> str:
    """A TIMESTAMPTZ as ISO 8601 in UTC, whatever the session's time zone."""
    return f"strftime(make_timestamp(epoch_us({moment})), '%Y-%m-%dT%H:%M:%S.%fZ')"


def json_number(value: Any) -> Any:
    """The value, floats that JSON lacks as text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
