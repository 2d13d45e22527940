"""The graph of columns around a product: what each is made of to the left, what is made of it to the right, placed for drawing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dagmesh.model.lineage import USE, Lineage

ROW, HEAD, LETTER, GAP, PAD = 22, 30, 7.3, 110, 12
Port = tuple[str, str]  # a source and its column
Part = tuple[Port, str, str]  # another product's column, the own one it goes with, and the way


@dataclass(frozen=True)
class Name:
    """A column, or the head of a group when `column` is empty: its source, whether that is a product with a page, and its place."""

    source: str
    column: str
    x: float
    y: float

    @property
    def is_product(self) -> bool:
        """Whether the source has a page; private tables have none."""
        return "@" in self.source


@dataclass(frozen=True)
class Curve:
    """What leads from one column to another; `own` is the product's own column it touches."""

    path: str
    own: str
    is_use: bool


@dataclass(frozen=True)
class ColumnGraph:
    """The names and curves of the drawing, and the size of its board."""

    names: Sequence[Name]
    curves: Sequence[Curve]
    width: float
    height: float


def column_graph(con: sqlite3.Connection, address: str, columns: Sequence[str], lineage: Lineage) -> ColumnGraph | None:
    """The graph of a product's columns; None where neither it nor what reads it has column lineage.

    Args:
        con: the index.
        address: the product's, with its major.
        columns: its own, in the contract's order.
        lineage: what they are made of, as its publication says.
    """
    domain = address.partition(".")[0]
    made_of = [
        ((source if "." in source else f"{domain}.{source}", name), column, way)
        for column in columns
        for source, name, way in lineage.get(column, ())
    ]
    query = 'SELECT p.address, e."column", e.source_column, e.way FROM edge e JOIN product p ON p.id = e.product WHERE e.source = ?'
    rows = [row for row in con.execute(query, (address,)) if row[2] in columns]
    makes = [((reader, name), column, way) for reader, name, column, way in sorted(rows, key=lambda row: (row[0], columns.index(row[2])))]
    if not made_of and not makes:
        return None
    return _drawn(address, columns, made_of, makes)


def _drawn(address: str, columns: Sequence[str], made_of: Sequence[Part], makes: Sequence[Part]) -> ColumnGraph:
    left, right = _stacked(port for port, _, _ in made_of), _stacked(port for port, _, _ in makes)
    own = _stacked((address, name) for name in columns)
    starts, end = _starts([_width(found) for found in (left, own, right)])
    names = [
        Name(source, column, start + PAD * bool(column), y)
        for start, found in zip(starts, (left, own, right), strict=True)
        for (source, column), y in found.items()
    ]
    before = [Curve(_path(_end(port), left[port], starts[1], own[address, column]), column, way == USE) for port, column, way in made_of]
    after = [
        Curve(_path(starts[1] + _end((address, column)), own[address, column], starts[2], right[port]), column, way == USE)
        for port, column, way in makes
    ]
    return ColumnGraph(names, [*before, *after], end, max(name.y for name in names) + ROW)


def _starts(widths: Sequence[float]) -> tuple[list[float], float]:
    """Where each of the three stacks begins, with room between those that hold anything, and where the last one ends."""
    starts, x = [], 0.0
    for width in widths:
        starts.append(x + GAP * bool(x and width))
        x = starts[-1] + width
    return starts, x


def _stacked(ports: Iterable[Port]) -> dict[Port, float]:
    """The line of each source's head, with an empty column, and of its columns below it."""
    groups: dict[str, dict[str, None]] = {}
    for source, column in ports:
        groups.setdefault(source, {})[column] = None
    found: dict[Port, float] = {}
    y = 0.0
    for source in groups:
        found[source, ""] = y + ROW / 2
        y += ROW
        for column in groups[source]:
            found[source, column] = y + ROW / 2
            y += ROW
        y += HEAD - ROW
    return found


def _width(names: Mapping[Port, float]) -> float:
    """The room of a stack; the head of a private table says that it is one."""
    return max((_end(port) for port in names), default=0.0)


def _end(port: Port) -> float:
    """Where a name's text ends, from the left of its stack."""
    source, column = port
    text = column or (source if "@" in source else f"{source}, private")
    return len(text) * LETTER + PAD


def _path(x: float, y: float, end_x: float, end_y: float) -> str:
    x, end_x = x + 4, end_x + PAD - 6
    middle = (x + end_x) / 2
    return f"M{x:.0f} {y:.0f}C{middle:.0f} {y:.0f} {middle:.0f} {end_y:.0f} {end_x:.0f} {end_y:.0f}"
