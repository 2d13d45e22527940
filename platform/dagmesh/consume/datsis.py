"""DATSIS: whether a product is discoverable, addressable, trustworthy, self-describing, interoperable and secure, computed from facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from dagmesh.consume.catalogue import Entry
from dagmesh.model.contract import CLASSIFICATIONS

OPEN_FORMATS = frozenset({"parquet"})
Described = Mapping[str, Any]


@dataclass(frozen=True)
class Badge:
    """One attribute of a product: it holds when nothing is missing; `missing` has each reason as a sentence."""

    attribute: str
    missing: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the product has the attribute."""
        return not self.missing

    def describe(self) -> dict[str, Any]:
        """The badge as JSON values."""
        return {"attribute": self.attribute, "holds": self.holds, "missing": list(self.missing)}


def badges(entry: Entry, product: Described, now: datetime) -> tuple[Badge, ...]:
    """The six attributes, in the order of the word.

    Args:
        entry: the product's newest snapshot, or why it is refused.
        product: as its newest trusted publication describes it.
        now: the moment it is asked.
    """
    return tuple(Badge(name, tuple(missing(entry, product, now))) for name, missing in _ATTRIBUTES.items())


def _discoverable(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """What a search needs: a description and tags."""
    if not product["description"].strip():
        yield "It has no description to be found by."
    if not product["tags"]:
        yield "It has no tags to filter by."


def _addressable(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """Its address leads to rows, and will."""
    if entry.snapshot is None:
        yield f"Its address leads to no snapshot that verifies: {entry.refused}"
    sunset = product["sunset"]
    if sunset and date.fromisoformat(sunset) <= now.astimezone(UTC).date():
        yield f"Its sunset was {sunset}: the address may go any day."


def _trustworthy(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """What is signed verifies, every check passed, and the promise is kept now."""
    if entry.snapshot is None:
        yield f"Its newest snapshot is refused: {entry.refused}"
        return
    if not product["contract"]["rules"]:
        yield "Its contract has no rule that could fail."
    for check in entry.snapshot.publication.checks:
        if not check["passed"]:
            yield f"Check {check['name']} fails for {check['failing_rows']:,} rows."
    kept = entry.promise(now)
    if not kept.kept:
        yield f"Its promise is not kept: {kept.words}."


def _self_describing(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """Its contract says the grain and every column, and where to read more."""
    contract = product["contract"]
    if not contract["grain"].strip():
        yield "Its contract does not say what one row is."
    if bare := [column["name"] for column in contract["columns"] if not column["description"].strip()]:
        yield f"Columns without a description: {', '.join(bare)}."
    if not product["documentation"]:
        yield "It names no documentation."


def _interoperable(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """Others can join it and calculate with it: a key, units, an open format."""
    columns = product["contract"]["columns"]
    if not any(column["key"] for column in columns):
        yield "It has no key to join by."
    if bare := [column["name"] for column in columns if column["type"].startswith("DECIMAL") and not column.get("unit")]:
        yield f"Amounts without a unit: {', '.join(bare)}."
    if product["output_format"] not in OPEN_FORMATS:
        yield f"Its format, {product['output_format']}, is no open one."


def _secure(entry: Entry, product: Described, now: datetime) -> Iterator[str]:
    """Every column has a class; personal data a purpose and a mask."""
    columns = product["contract"]["columns"]
    if bare := [column["name"] for column in columns if column["classification"] not in CLASSIFICATIONS]:
        yield f"Columns of no known class: {', '.join(bare)}."
    personal = [column for column in columns if column["classification"] == "pii"]
    if bare := [column["name"] for column in personal if not column.get("purpose")]:
        yield f"Personal data held for no said purpose: {', '.join(bare)}."
    if bare := [column["name"] for column in personal if not column.get("mask")]:
        yield f"Personal data that does not say how it is masked: {', '.join(bare)}."


_ATTRIBUTES: Mapping[str, Callable[[Entry, Described, datetime], Iterator[str]]] = {
    "discoverable": _discoverable,
    "addressable": _addressable,
    "trustworthy": _trustworthy,
    "self-describing": _self_describing,
    "interoperable": _interoperable,
    "secure": _secure,
}
