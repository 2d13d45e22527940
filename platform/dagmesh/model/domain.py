"""Domains: a team's folder, its owner, and the products found in it by being there."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dagmesh.errors import DefinitionError, Problem, nearest, one_of
from dagmesh.model.address import NAME, Address
from dagmesh.model.contract import RESTRICTED
from dagmesh.model.contract_reading import shown_file
from dagmesh.model.product import DataProduct
from dagmesh.model.product_reading import OWNER
from dagmesh.model.promise import HOUR

Product = DataProduct[..., Any]


@dataclass(frozen=True)
class Domain:
    """One domain's declaration, as `definitions.py` writes it.

    `start` is the first day of its daily products. `ready_at` is the hour of day, UTC, from which the day before may be
    published, as soon as its inputs are there. Columns of the classifications in `encrypt` are published encrypted.
    """

    name: str
    owner: str
    support: str | None = None
    description: str = ""
    start: date = date(2025, 1, 1)
    ready_at: str = "01:00"
    encrypt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [Problem(f"domains/{self.name}", "", where, message) for where, message in self._complaints()]
        if problems:
            raise DefinitionError(problems)

    def _complaints(self) -> Iterator[tuple[str, str]]:
        if self.name in sys.stdlib_module_names:
            yield "name", f"Domain name '{self.name}' would hide Python's own module. Try {_clear_name(self.name)}."
        elif self.name == "analyst":
            yield "name", "Domain name 'analyst' is what people who read are called. Try analytics."
        elif not NAME.match(self.name):
            yield "name", f"{self.name!r} is not snake_case; use lower-case words joined by single underscores."
        if not OWNER.match(str(self.owner)):
            yield "owner", f"{self.owner!r} is nobody who can be reached; write team:<name> or an e-mail address."
        if not HOUR.match(str(self.ready_at)):
            yield "ready_at", f"{self.ready_at!r} is not an hour of the day; write HH:MM in UTC, for example 01:00."
        for name in self.encrypt:
            if name not in RESTRICTED:
                allowed = one_of(sorted(RESTRICTED))
                yield "encrypt", f"{name!r} cannot be encrypted; choose {allowed}.{nearest(str(name), sorted(RESTRICTED))}"

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
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a file does when it is imported is said of the file
                problems.append(_not_imported(module_name, error))
                continue
            products = [v for v in vars(module).values() if isinstance(v, DataProduct) and v.function.__module__ == module_name]
            found += [product.in_domain(self.name, self.owner, self.support, self.encrypt) for product in products]
        problems += [*_twice(found), *_circles(found)]
        if problems:
            raise DefinitionError(problems)
        return tuple(sorted(found, key=lambda product: product.address))

    @cached_property
    def by_address(self) -> Mapping[str, Product]:
        """Its products by address."""
        return {str(product.address): product for product in self.products}

    @cached_property
    def described(self) -> Mapping[str, Mapping[str, Any]]:
        """Its products as their publications would describe them, by address."""
        return {address: product.describe() for address, product in self.by_address.items()}

    @cached_property
    def newest(self) -> Mapping[str, Address]:
        """The address of the newest major of each of its products, by the product's name."""
        return {product.name: product.address for product in self.products}  # sorted: the newest comes last

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


def _circles(products: list[Product]) -> Iterator[Problem]:
    """The mistake of products that read each other in a circle, or themselves."""
    newest = {product.name: product.address for product in sorted(products, key=lambda product: product.address)}
    reads = {p.address: {read.address or newest.get(read.source) for read in p.inputs} - {None} for p in products}
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        circle = [address for address in reversed(error.args[1]) if address in reads]
        first = next(product for product in products if product.address == circle[0])
        words = f"read each other in a circle: {' <- '.join(map(str, circle))}; drop one of the reads."
        yield Problem(first.file, str(first.address), "reads", words)


def _not_imported(module_name: str, error: BaseException) -> Problem:
    """The mistake of a file that cannot be imported, with its line."""
    spec = importlib.util.find_spec(module_name)
    path = (spec.origin if spec else None) or module_name
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == path else next(reversed(lines), None)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return Problem(shown_file(path), "", f"line {line}" if line else "", f"{type(error).__name__}: {said}")


def _clear_name(name: str) -> str:
    return f"customer_{name}" if name in ("email", "profile", "calendar") else f"{name}_data"
