"""Domains: a team's folder, its owner, and the products found in it by being there."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.address import NAME
from dagmesh.model.product import DataProduct
from dagmesh.model.product_reading import OWNER
from dagmesh.model.promise import HOUR

Product = DataProduct[..., Any]


@dataclass(frozen=True)
class Domain:
    """One domain's declaration, as `definitions.py` writes it.

    `start` is the first day of its daily products. `ready_at` is the hour of day, UTC, from which the day before may be
    published, as soon as its inputs are there.
    """

    name: str
    owner: str
    support: str | None = None
    description: str = ""
    start: date = date(2025, 1, 1)
    ready_at: str = "01:00"

    def __post_init__(self) -> None:
        problems = [Problem(f"domains/{self.name}", "", where, message) for where, message in self._complaints()]
        if problems:
            raise DefinitionError(problems)

    def _complaints(self) -> Iterator[tuple[str, str]]:
        if self.name in sys.stdlib_module_names:
            yield "name", f"Domain name '{self.name}' would hide Python's own module. Try {_clear_name(self.name)}."
        elif not NAME.match(self.name):
            yield "name", f"{self.name!r} is not snake_case; use lower-case words joined by single underscores."
        if not OWNER.match(str(self.owner)):
            yield "owner", f"{self.owner!r} is nobody who can be reached; write team:<name> or an e-mail address."
        if not HOUR.match(str(self.ready_at)):
            yield "ready_at", f"{self.ready_at!r} is not an hour of the day; write HH:MM in UTC, for example 01:00."

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """Every product in the domain's `products/` folder, by name.

        Raises:
            DefinitionError: with the mistakes of all its files together.
        """
        found: list[Product] = []
        problems: list[Problem] = []
        for module_name in self._product_modules():
            try:
                module = importlib.import_module(module_name)
            except DefinitionError as error:
                problems += error.problems
                continue
            products = [v for v in vars(module).values() if isinstance(v, DataProduct) and v.function.__module__ == module_name]
            found += [product.in_domain(self.name, self.owner, self.support) for product in products]
        problems += _twice(found)
        if problems:
            raise DefinitionError(problems)
        return tuple(sorted(found, key=lambda product: product.address))

    def _product_modules(self) -> list[str]:
        package = f"{self.name}.products"
        try:
            path = importlib.import_module(package).__path__
        except ModuleNotFoundError as error:
            if error.name in (self.name, package):
                return []
            raise
        return [f"{package}.{info.name}" for info in pkgutil.iter_modules(path)]


def _twice(products: list[Product]) -> Iterator[Problem]:
    seen: dict[str, Product] = {}
    for product in products:
        address = str(product.address)
        if address in seen:
            message = f"is declared twice; {seen[address].file} has it too. Rename one or raise its major."
            yield Problem(product.file, address, "name", message)
        seen[address] = product


def _clear_name(name: str) -> str:
    return f"customer_{name}" if name in ("email", "profile", "calendar") else f"{name}_data"
