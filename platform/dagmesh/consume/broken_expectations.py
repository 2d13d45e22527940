"""Which of the consumers' expectations a product's contract breaks, whatever its rows are: found before anything is merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dagmesh.consume.expectations import Described, Expectation
from dagmesh.errors import nearest
from dagmesh.model.contract import RESTRICTED
from dagmesh.model.promise import duration

Column = Mapping[str, Any]


@dataclass(frozen=True)
class Broken:
    """One way in which a contract is not what a consumer relies on.

    `text` says what is done to whom, `advice` whom it stops and the next step; `column` is None for what is no column's.
    """

    expectation: Expectation
    column: str | None
    text: str
    advice: str

    @property
    def severity(self) -> Literal["error", "warn"]:
        """An error when the producer accepted the expectation."""
        return "error" if self.expectation.accepted else "warn"

    @property
    def message(self) -> str:
        """The whole message."""
        return f"{self.text}. {self.advice}"


def broken_by(product: Described, expectations: Iterable[Expectation], *, before: Described | None = None) -> list[Broken]:
    """What a product, as it is described now, breaks of what consumers rely on.

    Args:
        product: the producer's product.
        expectations: what is relied on of it.
        before: the product as it was; a column that it did not have either is not called removed.
    """
    return [
        Broken(e, column, f"{_name(product)} {change}: {e.consumer.name} relies on {relied}{_purpose(e)}", advice(product, e))
        for e in expectations
        for column, change, relied in _breaks(product, e, before)
    ]


def advice(product: Described, expectation: Expectation) -> str:
    """What the producer may do now, and who is the other owner."""
    if expectation.accepted:
        major = int(product["version"].split(".")[0])
        return f"Accepted: release {major + 1}.0.0 beside it, or talk to {expectation.owner}."
    return (
        f"Not accepted by {product['owner']}, so it only warns: talk to {expectation.owner}, "
        f"or name '{expectation.consumer.name}' in accepts of {product['name']}."
    )


def _name(product: Described) -> str:
    return f"{product['domain']}.{product['name']}"


def _purpose(expectation: Expectation) -> str:
    return f" ({expectation.purpose.rstrip('.')})" if expectation.purpose else ""


def _breaks(product: Described, expectation: Expectation, before: Described | None) -> Iterator[tuple[str | None, str, str]]:
    """The column, what is done and what is relied on, for each break."""
    domain = expectation.consumer.domain
    if domain not in (product["domain"], *product["serves"]):
        yield None, f"no longer serves {domain}", "it"
    promised = product["promise"]["max_lag"]
    if expectation.max_lag and duration(promised) > duration(expectation.max_lag):
        yield None, f"promises a max_lag of {promised}", expectation.max_lag
    columns = {column["name"]: column for column in product["contract"]["columns"]}
    had = {column["name"] for column in before["contract"]["columns"]} if before else None
    wanted = expectation.expects["columns"] if expectation.expects else ()
    names = {column["name"] for column in wanted}
    for column in wanted:
        name = column["name"]
        if name in columns:
            yield from ((name, change, relied) for change, relied in _column_breaks(columns[name], column))
        else:
            verb = "removes" if had is None or name in had else "has no"
            close = nearest(name, [other for other in columns if other not in names])
            yield name, f"{verb} '{name}'", f"it{close.replace(' Did you mean', ', perhaps now').rstrip('?')}"


def _column_breaks(now: Column, relied: Column) -> Iterator[tuple[str, str]]:
    name = now["name"]
    if now["type"] != relied["type"]:
        yield f"gives '{name}' as {now['type']}", relied["type"]
    if now["nullable"] and not relied["nullable"]:
        yield f"lets '{name}' be NULL", "a value"
    if relied.get("unit") and now.get("unit") != relied["unit"]:
        yield f"gives '{name}' in {now.get('unit') or 'no unit'}", relied["unit"]
    if now["classification"] in RESTRICTED and relied["classification"] not in RESTRICTED:
        yield f"makes '{name}' {now['classification']}", "seeing it"
