"""A trace as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagmesh.cli.output import shown
from dagmesh.consume.published_row import in_words
from dagmesh.consume.trace_values import when

if TYPE_CHECKING:
    from dagmesh.consume.trace import Input, Traced

NO_ROW = "no row"
_LONGEST = 60


def lines(traced: Traced) -> Iterator[str]:
    """The value in a sentence, and what it comes from, a line each."""
    yield f"{sentence(traced)}."
    if traced.trace:
        yield f"{summary(traced)}."
    if traced.stops:
        yield f"It stops here: {traced.stops}."
    yield from _inputs(traced, "")
    deeper = next(_with_steps(traced), None) if not traced.trace else None
    if deeper:
        yield f"Step by step: {command(deeper)}"


def sentence(traced: Traced) -> str:
    """What the value is."""
    known = f", had nothing happened after {when(traced.valid_at)}," if traced.valid_at else ""
    there = traced.trace is None or traced.trace.there
    is_now = " ".join(["is", _short(traced.value) or "nothing", traced.unit]).rstrip() if there else f"is in {NO_ROW}"
    return f"{traced.address}: {traced.column} of {in_words(traced.key)}{known} {is_now}"


def summary(traced: Traced) -> str:
    """What was read for it and verified."""
    trace = traced.trace
    assert trace is not None
    changing = f"{len(trace.steps)} of {many(trace.events, 'event')} of {many(trace.things, 'thing')} change it"
    return f"{changing}; the hash of each is verified; known up to event {trace.known.position}"


def table(traced: Traced) -> list[list[Any]]:
    """The steps as rows: event, when, type, subject, contribution, value."""
    steps = traced.trace.steps if traced.trace else ()
    return [[s.position, when(s.time), s.type, s.subject, _cell(s.contribution), _cell(s.value) if s.there else NO_ROW] for s in steps]


def command(traced: Traced) -> str:
    """The command that shows the value's own steps."""
    address = traced.address
    key = [f"{name}={value}" for name, value in traced.key.items()]
    return shlex.join(["dagmesh", "trace", address.name, *key, traced.column, "--as-of", str(address.snapshot)])


def _inputs(traced: Traced, before: str) -> Iterator[str]:
    for place, port in enumerate(traced.inputs):
        last = place == len(traced.inputs) - 1
        yield f"{before}{'└─ ' if last else '├─ '}{_said(port)}"
        yield from _values(port, before + ("   " if last else "│  "))


def _values(port: Input, before: str) -> Iterator[str]:
    if not port.values:
        yield from (f"{before}{'└─ ' if place == len(port.keys) - 1 else '├─ '}{in_words(key)}" for place, key in enumerate(port.keys))
    for place, value in enumerate(port.values):
        last = place == len(port.values) - 1
        end = (
            f"; {many(len(value.trace.steps), 'event')}, verified"
            if value.trace
            else f"; it stops here: {value.stops}"
            if value.stops and not _stops(port)
            else ""
        )
        own = f"{value.column} of {in_words(value.key)} is {_short(value.value) or 'nothing'}"
        yield f"{before}{'└─ ' if last else '├─ '}{own}{end}"
        yield from _inputs(value, before + ("   " if last else "│  "))


def _said(port: Input) -> str:
    found = f": {many(port.rows, 'row')} with {in_words(port.on)}" if port.rows else ""
    return f"{port.source}{found}" + (f"; it stops here: {_stops(port)}" if _stops(port) else "")


def _stops(port: Input) -> str:
    """Why the trace goes no further from the input, or from any of its values, when they all say the same."""
    reasons = {value.stops for value in port.values}
    return port.stops or (reasons.pop() if len(reasons) == 1 else "")


def _with_steps(traced: Traced) -> Iterator[Traced]:
    if traced.trace:
        yield traced
    for port in traced.inputs:
        for value in port.values:
            yield from _with_steps(value)


def _cell(value: Any) -> Any:
    return value if value is None or (isinstance(value, int | float) and not isinstance(value, bool)) else _number_or_text(value)


def _number_or_text(value: Any) -> Any:
    from decimal import Decimal

    return value if isinstance(value, Decimal) else _short(value)


def _short(value: Any) -> str:
    text = when(value) if isinstance(value, datetime) else shown(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def many(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"
