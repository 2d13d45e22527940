"""How commands print: data on stdout, as a table or as JSON; progress on stderr; plain text where nobody watches."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from dagmesh.model.json_ready import json_ready

if TYPE_CHECKING:
    from rich.console import Console

GAP = "  "


def data_console() -> Console:
    """A console on stdout, for what a command answers."""
    from rich.console import Console

    return Console(highlight=False)


def progress_console() -> Console:
    """A console on stderr, for what is going on while a command works."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@contextmanager
def one_line() -> Iterator[Callable[[str], None]]:
    """Shows a text in one line of the terminal, which the next text replaces and an empty one clears; nothing where nobody watches.

    It writes past stderr, which a run captures, and has no thread, so that the process may fork.
    """
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    terminal = os.dup(sys.stderr.fileno())

    def show(text: str) -> None:
        width = os.get_terminal_size(terminal).columns or 80  # a terminal that nobody gave a size says 0
        os.write(terminal, f"\r\x1b[2K{text[: width - 1]}".encode())

    try:
        yield show
    finally:
        show("")
        os.close(terminal)


def print_json(value: Any) -> None:
    """Write a value as JSON: decimals as text, so that no digit is lost; times as ISO 8601; NaN and infinities as null."""
    click.echo(json.dumps(json_ready(value), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows as a table: framed to the window on a terminal, else aligned plain lines that are never cut."""
    numeric = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(columns))]
    cells = [[shown(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_framed(columns, cells, numeric)
    else:
        click.echo(_aligned([list(columns), *cells], numeric))


def shown(value: Any) -> str:
    """A value as one line of text for a table's cell; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(shown(item) for item in value)
    return " ".join(str(value).split("\n"))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float, Decimal)) and not isinstance(value, bool))


def _print_framed(columns: Sequence[str], cells: list[list[str]], numeric: list[bool]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for name, is_number in zip(columns, numeric, strict=True):
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    data_console().print(table)


def _aligned(lines: list[list[str]], numeric: list[bool]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]

    def aligned(line: list[str]) -> str:
        fitted = zip(line, widths, numeric, strict=True)
        return GAP.join(cell.rjust(width) if is_number else cell.ljust(width) for cell, width, is_number in fitted).rstrip()

    return "\n".join(aligned(line) for line in lines)
