"""Column lineage: what each column of a product is made of, as its signed publication says it, and the tree across products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Of each column the sources' columns, each with the way: "value" when values of it, or something computed of them, can be
# seen; "use" when the column only depends on it, as a count does. A source is an address, or the name of a private table or feed.
Lineage = Mapping[str, Sequence[Sequence[str]]]
VALUE, USE = "value", "use"


@dataclass(frozen=True)
class Derived:
    """A product's column lineage as its code is now; where none can be told, `why` says why.

    `personal` are the fields of events that it reads and that hold personal values, with the feed that brings them.
    """

    lineage: Lineage = field(default_factory=dict)
    why: str = ""
    personal: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Made:
    """A column and what it is made of. `source` is an address or a private table's name; `way` is how what it is in is made of it."""

    source: str
    column: str
    way: str
    made_of: tuple[Made, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The column and what it is made of as JSON values."""
        return {"source": self.source, "column": self.column, "way": self.way, "made_of": [made.describe() for made in self.made_of]}

    def lines(self, before: str = "", last: bool | None = None) -> Iterator[str]:
        """The tree as text, a line each."""
        mark = "" if last is None else "└─ " if last else "├─ "
        used = " (only depends on it)" if self.way == USE else ""
        yield f"{before}{mark}{self.source}.{self.column}{used}"
        below = before if last is None else before + ("   " if last else "│  ")
        for place, made in enumerate(self.made_of):
            yield from made.lines(below, place == len(self.made_of) - 1)


def tree(source: str, column: str, lineage_of: Callable[[str], Lineage], way: str = VALUE, above: tuple[str, ...] = ()) -> Made:
    """A column with everything it is made of, recursively.

    Args:
        source: the product's address.
        column: its column.
        lineage_of: the lineage of a source; empty of what has none.
        way: how what it is in is made of it.
        above: what it is part of; a product that is made of itself ends there.
    """
    place = f"{source}.{column}"
    parts = lineage_of(source).get(column, ()) if place not in above else ()
    return Made(source, column, way, tuple(tree(below, name, lineage_of, how, (*above, place)) for below, name, how in parts))
