"""A trace as JSON values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagmesh.consume.trace import Input, Traced


def when(moment: datetime, to: str = "seconds") -> str:
    """A moment in UTC as ISO 8601."""
    return moment.astimezone(UTC).isoformat(timespec=to).replace("+00:00", "Z")


def described(traced: Traced) -> dict[str, Any]:
    """A trace as values for JSON, complete."""
    said: dict[str, Any] = {"address": str(traced.address), "key": dict(traced.key), "column": traced.column, "unit": traced.unit}
    said["value"] = traced.value
    if traced.valid_at:
        said["valid_at"] = when(traced.valid_at, "auto")
    if traced.trace:
        trace = traced.trace
        said |= {"events": trace.events, "things": trace.things, "position": trace.known.position, "there": trace.there}
        said["steps"] = [{**vars(step), "time": when(step.time, "auto")} for step in trace.steps]
    said["inputs"] = [_described(port) for port in traced.inputs]
    return said | {"stops": traced.stops}


def _described(port: Input) -> dict[str, Any]:
    said = {"source": port.source, "on": dict(port.on), "rows": port.rows, "keys": [dict(key) for key in port.keys]}
    return said | {"values": [described(value) for value in port.values], "stops": port.stops}
