"""The graph of products around one: what it is made of to the left, what is made of it to the right, placed for drawing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

WIDTH, HEIGHT, ACROSS, DOWN = 208, 52, 72, 16  # a box, and the room between boxes
MOST, DEEPEST = 40, 4
Edge = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """One product, or a private table of a domain (`is_product` false), and where its box is."""

    source: str
    x: int
    y: int
    is_product: bool
    is_here: bool

    @property
    def name(self) -> str:
        """The product's name with its major."""
        return self.source.partition(".")[2]

    @property
    def shown(self) -> str:
        """The name as it fits the box."""
        return self.name if len(self.name) <= 25 else f"{self.name[:23]}\N{HORIZONTAL ELLIPSIS}"

    @property
    def domain(self) -> str:
        """Whose it is."""
        return self.source.partition(".")[0]


@dataclass(frozen=True)
class ProductGraph:
    """Boxes and the curves between them; `left_out` says how many more there are, farther away."""

    boxes: Sequence[Box]
    edges: Sequence[Edge]
    left_out: int

    @property
    def width(self) -> int:
        """Of the board."""
        return max((box.x + WIDTH for box in self.boxes), default=0) + 1

    @property
    def height(self) -> int:
        """Of the board."""
        return max((box.y + HEIGHT for box in self.boxes), default=0) + 1

    @cached_property
    def curves(self) -> list[str]:
        """The path of each edge."""
        at = {box.source: box for box in self.boxes}
        return [_curve(at[source], at[reader]) for source, reader in self.edges if source in at and reader in at]


def _curve(source: Box, reader: Box) -> str:
    x, y, end_x, end_y = source.x + WIDTH, source.y + HEIGHT // 2, reader.x, reader.y + HEIGHT // 2
    middle = (x + end_x) // 2
    return f"M{x} {y}C{middle} {y} {middle} {end_y} {end_x} {end_y}"


def product_graph(con: sqlite3.Connection, address: str) -> ProductGraph:
    """The graph around a product, four reads away in both directions and forty products at most."""
    above, edges_above = _walked(con, address, "SELECT r.source FROM read r JOIN product p ON p.id = r.product WHERE p.address = ?", True)
    below, edges_below = _walked(con, address, "SELECT p.address FROM read r JOIN product p ON p.id = r.product WHERE r.source = ?", False)
    levels = {**{source: -level for source, level in above.items()}, **below, address: 0}
    nearest = sorted(levels, key=lambda source: (abs(levels[source]), source))
    kept = set(nearest[:MOST])
    edges = sorted({edge for edge in (*edges_above, *edges_below) if set(edge) <= kept})
    return ProductGraph(_boxes({source: levels[source] for source in kept}, edges, address), edges, len(nearest) - len(kept))


def _walked(con: sqlite3.Connection, start: str, query: str, is_up: bool) -> tuple[dict[str, int], set[Edge]]:
    """What is reached from a product, each with the longest way to it, and the reads on the way as (source, reader)."""
    levels, edges, step = {start: 0}, set[Edge](), {start}
    for level in range(1, DEEPEST + 1):
        found: set[str] = set()
        for source in step:
            others = [other for (other,) in con.execute(query, (source,)) if other != start]
            edges |= {(other, source) if is_up else (source, other) for other in others}
            found |= set(others)
        for source in found:
            levels[source] = level
        step = found
        if len(levels) > 10 * MOST:
            break
    return levels, edges


def _boxes(levels: Mapping[str, int], edges: Iterable[Edge], here: str) -> list[Box]:
    columns: dict[int, list[str]] = {}
    for source in sorted(levels):
        columns.setdefault(levels[source], []).append(source)
    first = min(columns)
    tallest = max(len(column) for column in columns.values())
    order = _ordered(columns, list(edges))
    return [
        Box(
            source,
            (level - first) * (WIDTH + ACROSS),
            place * (HEIGHT + DOWN) + (tallest - len(columns[level])) * (HEIGHT + DOWN) // 2,
            "@" in source,
            source == here,
        )
        for level in sorted(order)
        for place, source in enumerate(order[level])
    ]


def _ordered(columns: Mapping[int, list[str]], edges: Sequence[Edge]) -> dict[int, list[str]]:
    """Each column in the order of its neighbours nearer to the middle, so that few curves cross."""
    place: dict[str, float] = {}
    order: dict[int, list[str]] = {}
    for level in sorted(columns, key=abs):
        near = {
            source: [place[b if a == source else a] for a, b in edges if source in (a, b) and (b if a == source else a) in place]
            for source in columns[level]
        }
        order[level] = sorted(columns[level], key=lambda source: (sum(near[source]) / len(near[source]) if near[source] else 0.0, source))
        place |= {source: number - len(order[level]) / 2 for number, source in enumerate(order[level])}
    return order
