"""A trace as one HTML page: the value, a chart of its steps, the steps; nothing in it is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from dagmesh.cli.output import shown
from dagmesh.cli.step_chart import step_chart
from dagmesh.cli.trace_words import many, sentence, summary, table
from dagmesh.consume.published_row import in_words
from dagmesh.consume.trace_values import when

if TYPE_CHECKING:
    from dagmesh.consume.trace import Input, Traced

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --quiet: #60646c; --rule: #d9d9e0; --line: #0b62d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --paper: #111113; --quiet: #a0a4ab; --rule: #363a3f; --line: #70b8ff; } }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2 { font-size: 1.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; }
p { color: var(--quiet); overflow-wrap: anywhere; }
svg { width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
.axis { stroke: var(--rule); fill: none; }
.line { stroke: var(--line); stroke-width: 2; fill: none; }
.dot { fill: var(--line); }
.steps { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .875rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
.number { text-align: right; }
details { border-left: 2px solid var(--rule); margin: .5rem 0; padding-left: .75rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  svg text { font-size: 20px; }
  thead { position: absolute; clip-path: inset(50%); }
  tr { display: grid; grid-template-columns: 1fr auto; padding: .4rem 0; border-bottom: 1px solid var(--rule); }
  td { border: 0; padding: 0; white-space: normal; overflow-wrap: anywhere; text-align: left; }
  td:nth-child(1) { grid-area: 3 / 2; text-align: right; color: var(--quiet); }
  td:nth-child(1)::before { content: "event "; }
  td:nth-child(2) { grid-area: 1 / 1; }
  td:nth-child(3) { grid-area: 2 / 1; }
  td:nth-child(4) { grid-area: 3 / 1; color: var(--quiet); }
  td:nth-child(5) { grid-area: 2 / 2; text-align: right; }
  td:nth-child(6) { grid-area: 1 / 2; text-align: right; font-weight: 600; }
}
"""


def page(traced: Traced) -> str:
    """The page of a trace: one HTML document, readable on a phone and in the dark."""
    title = f"{traced.address}: {traced.column} of {in_words(traced.key)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(sentence(traced))}</h1>\n{''.join(_body(traced))}</body></html>\n"
    )


def _body(traced: Traced) -> Iterator[str]:
    if traced.trace:
        yield f"<p>{escape(summary(traced))}.</p>\n"
        yield _chart(traced)
        yield _steps(traced)
    if traced.stops:
        yield f"<p>It stops here: {escape(traced.stops)}.</p>\n"
    for port in traced.inputs:
        yield from _input(port)


def _chart(traced: Traced) -> str:
    """The chart, where the value is a number."""
    assert traced.trace is not None
    steps = traced.trace.steps
    if not all(_is_number(step.value) for step in steps if step.there):
        return ""
    points = [(step.time, float(step.value or 0), f"{when(step.time)} {step.type}: {shown(step.value)}") for step in steps]
    return step_chart(points, f"{traced.column}, step by step")


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _steps(traced: Traced) -> str:
    rows = table(traced)
    numeric = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(6)]
    head = _row("th", ["event", "when", "type", "subject", "contribution", traced.column], numeric)
    lines = "".join(_row("td", row, numeric) for row in rows)
    return f'<div class="steps"><table><thead>{head}</thead><tbody>{lines}</tbody></table></div>\n'


def _row(tag: str, cells: Sequence[Any], numeric: Sequence[bool]) -> str:
    opened = [f'<{tag} class="number">' if is_number else f"<{tag}>" for is_number in numeric]
    made = "".join(f"{start}{escape(shown(cell))}</{tag}>" for start, cell in zip(opened, cells, strict=True))
    return f"<tr>{made}</tr>\n"


def _input(port: Input) -> Iterator[str]:
    found = f": {many(port.rows, 'row')} with {in_words(port.on)}" if port.rows else ""
    yield f"<h2>{escape(port.source + found)}</h2>\n"
    if port.stops:
        yield f"<p>It stops here: {escape(port.stops)}.</p>\n"
    if not port.values and port.keys:
        yield f"<ul>{''.join(f'<li>{escape(in_words(key))}</li>' for key in port.keys)}</ul>\n"
    for value in port.values:
        yield f"<details><summary>{escape(sentence(value))}</summary>\n{''.join(_body(value))}</details>\n"
