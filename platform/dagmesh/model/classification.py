"""Classification travels: a column made of a restricted one is at least as restricted, or says why it need not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagmesh.model.address import Address
from dagmesh.model.contract import CLASSIFICATIONS, RESTRICTED
from dagmesh.model.lineage import VALUE, Derived, Lineage

Described = Mapping[str, Any]
Path = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Carried:
    """A column that is less than what it is made of.

    `path` leads from the input's column to where its values begin: addresses and columns. `given` and `needed` are the
    column's classification and the least that will do.
    """

    column: str
    given: str
    needed: str
    path: Path

    @property
    def origin(self) -> str:
        """Where the values begin: `customers.profiles.email`."""
        return _named(*self.path[-1])

    @property
    def by(self) -> str:
        """` by x.y, a.b`: what they went through, the nearest first; empty when they came straight."""
        through = [address.partition("@")[0] for address, _ in self.path[:-1]]
        return f" by {', '.join(through)}" if through else ""


def _named(address: str, column: str) -> str:
    return f"{address.partition('@')[0]}.{column}"


def carried(
    product: Described,
    derived: Derived,
    products: Mapping[str, Described],
    lineage_of: Callable[[str], Lineage] = lambda _: {},
    newest: Mapping[str, Address] | None = None,
) -> Iterator[Carried]:
    """Each column of a product whose classification is below that of a column it is made of, with the worst such column.

    Where the lineage could not be derived, a column is taken to be made of the inputs' columns of the same name. A personal
    field of an event is as restricted as a column that is pii.

    Args:
        product: the product as described.
        derived: its column lineage.
        products: described products by address, its inputs among them.
        lineage_of: the lineage of an input, by address; empty where it has none.
        newest: what the domain's own products, which are read by name, have for addresses.
    """
    for column in product["contract"]["columns"]:
        if column.get("declassified"):
            continue
        sources = _same_name(product, column["name"], newest or {}) if derived.why else _values(derived.lineage, column["name"])
        found = {source: "pii" if source in derived.personal else _class(products, *source) for source in sources}
        classes = {source: its for source, its in found.items() if its in RESTRICTED}
        worst = max(sorted(classes), key=lambda source: _rank(classes[source]), default=None)
        if worst and _rank(classes[worst]) > _rank(column["classification"]):
            path = _path(*worst, classes[worst], products, lineage_of)
            yield Carried(column["name"], column["classification"], classes[worst], path)


def _rank(classification: str) -> int:
    return CLASSIFICATIONS.index(classification)


def _values(lineage: Lineage, column: str) -> list[tuple[str, str]]:
    """The columns whose values a column shows; what it only depends on is not among them."""
    return [(source, name) for source, name, way in lineage.get(column, ()) if way == VALUE]


def _same_name(product: Described, column: str, newest: Mapping[str, Address]) -> list[tuple[str, str]]:
    return [(str(newest.get(read["source"], read["source"])), column) for read in product["reads"]]


def _class(products: Mapping[str, Described], source: str, column: str) -> str:
    """The classification of a product's column; nothing of a private table's, which has none."""
    columns = products[source]["contract"]["columns"] if source in products else ()
    return next((str(found["classification"]) for found in columns if found["name"] == column), "")


def _path(
    source: str, column: str, needed: str, products: Mapping[str, Described], lineage_of: Callable[[str], Lineage], above: Path = ()
) -> Path:
    """The way back to the first product that has the values in that class."""
    here = (*above, (source, column))
    for below, name in _values(lineage_of(source), column):
        if _class(products, below, name) == needed and (below, name) not in here:
            return _path(below, name, needed, products, lineage_of, here)
    return here
