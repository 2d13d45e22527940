"""`dm.domain(...)`: the three lines of a domain's definitions.py, light until Dagster asks for the definitions."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.errors import DefinitionError, Problem, nearest, one_of
from dagmesh.model.domain import Domain

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class DagsterDomain(Domain):
    """A domain that Dagster calls to get its definitions, so that reading a domain file does not import Dagster."""

    def __call__(self) -> dg.Definitions:
        """The domain's assets, checks, sensor and resources.

        Raises:
            DefinitionError: with the mistakes of all its files together.
        """
        from dagmesh.orchestrate.definitions import definitions

        return definitions(self)

    @property
    def folder(self) -> Path:
        """The folder of the domain's package."""
        return Path(next(iter(importlib.import_module(self.name).__path__)))


def domain(
    name: str,
    *,
    owner: str,
    support: str | None = None,
    description: str = "",
    start: date = date(2026, 1, 1),
    ready_at: str = "01:00",
    encrypt: Sequence[str] = (),
) -> DagsterDomain:
    """Declare the domain a folder holds; its products and private tables are found by being there.

    Args:
        name: the folder's and the package's name.
        owner: "team:name" or an e-mail address.
        support: where consumers ask; the owner by default.
        description: what the domain is about, in a sentence.
        start: the first day of its daily products.
        ready_at: the hour of day, UTC, from which the day before may be published.
        encrypt: classifications, "pii" or "confidential", whose columns are published encrypted with a key of the domain's home.

    Raises:
        DefinitionError: with every mistake.
    """
    return DagsterDomain(name, owner, support, description, start, ready_at, tuple(encrypt))


def check_sources(domain: Domain, private: Sequence[str]) -> None:
    """Nothing, when every parameter of the domain's products names a source that there is.

    Raises:
        DefinitionError: with each parameter that does not.
    """
    known = sorted({*private, *(product.name for product in domain.products)})
    problems = [
        Problem(product.file, str(product.address), f"parameter '{read.parameter}'", _unknown(read.source, known, domain.name))
        for product in domain.products
        for read in product.inputs
        if read.address is None and read.source not in known
    ]
    if problems:
        raise DefinitionError(problems)


def _unknown(source: str, known: list[str], domain: str) -> str:
    tables = f"choose {one_of(known)}" if known else f"{domain} has none"
    return f"reads '{source}', which is no table or product of {domain}; {tables}, or name a product in reads.{nearest(source, known)}"
