"""Policies: what the federation, or one domain, demands of domains, products, publications and reads; one class in one file."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Protocol

from dagmesh.model.address import Address
from dagmesh.model.change import Change
from dagmesh.model.lineage import Derived, Lineage
from dagmesh.model.rule import Severity
from dagmesh.model.source import Source

Described = Mapping[str, Any]


class NotLookedUp(Exception):
    """A fact that is not looked up here; whoever asks judges later, where it is."""


class Facts(Protocol):
    """What is known of the rest of the mesh, each looked up when a policy asks for it; NotLookedUp where it cannot be."""

    def published(self, address: Address) -> Described | None:
        """The product as last published in that major; None when it never was."""

    def products(self) -> Mapping[str, Described]:
        """Every product of the mesh by address, as declared, or else as published."""

    def published_of(self, domain: str) -> Mapping[Address, Described]:
        """A domain's products as last published, all majors, those that no code has any more among them."""

    def private(self, domain: str) -> frozenset[str]:
        """The names of a domain's private tables."""

    def broken_readers(self, address: Address, changes: Iterable[Change]) -> list[str]:
        """The published products that changes of a product break."""

    def lineage(self, address: Address) -> Derived:
        """What each column of a product is made of, as its code is now."""

    def published_lineage(self, address: str) -> Lineage:
        """What each column of a product is made of, as last published; empty when that is not known."""

    def readers(self, address: Address) -> Mapping[str, datetime]:
        """Who read the product in the last 30 days, each with the last time."""


@dataclass(frozen=True)
class DomainSubject:
    """A domain as policies see it: `products` are its declared ones by address, `domains` the names of all domains of the mesh.

    `newest` has the address of the newest major of each of its products, by the product's name.
    """

    name: str
    owner: str
    support: str | None
    description: str
    file: str
    products: Mapping[str, Described]
    domains: Set[str]
    today: date
    facts: Facts
    newest: Mapping[str, Address] = field(default_factory=dict)

    @property
    def published(self) -> Mapping[Address, Described]:
        """The domain's products as last published, all majors, those that the code has no more among them."""
        return self.facts.published_of(self.name)


@dataclass(frozen=True)
class Subject:
    """A product as policies see it: what it declares, as JSON values, and the file that does.

    Everything a verdict rests on is here, so that it is the same wherever the subject is judged.
    """

    product: Described
    domain: DomainSubject
    source: Source

    @property
    def address(self) -> Address:
        """`<domain>.<product>@<major>`."""
        return Address(self.domain.name, self.product["name"], int(self.product["version"].split(".")[0]))

    @property
    def file(self) -> str:
        """The product's file, from the mesh's root."""
        return self.source.file

    @property
    def columns(self) -> list[Described]:
        """The contract's columns."""
        return list(self.product["contract"]["columns"])

    @property
    def today(self) -> date:
        """The UTC day of the verdict."""
        return self.domain.today

    @property
    def published(self) -> Described | None:
        """The product as last published in this major, or None."""
        return self.domain.facts.published(self.address)

    @property
    def mesh_products(self) -> Mapping[str, Described]:
        """Every product of the mesh by address."""
        return self.domain.facts.products()

    @property
    def lineage(self) -> Derived:
        """What each of its columns is made of."""
        return self.domain.facts.lineage(self.address)

    def lineage_of(self, address: str) -> Lineage:
        """What each column of another product is made of, as last published."""
        return self.domain.facts.published_lineage(address)

    def private(self, domain: str) -> frozenset[str]:
        """The names of a domain's private tables."""
        return self.domain.facts.private(domain)


@dataclass(frozen=True)
class ReadSubject:
    """A read of a product of another domain: declared by a product's `reads`, or about to be done.

    `reader` is a domain, or `analyst`; `place` is where the read is declared.
    """

    reader: str
    source: Address
    purpose: str | None
    today: date
    facts: Facts
    place: str = ""


class PublicationSubject(Protocol):
    """Rows that are staged and not yet visible, of a product."""

    @property
    def subject(self) -> Subject:
        """The product."""

    def count(self, condition: str) -> int:
        """How many of the rows a condition in SQL is true of."""

    def unmatched(self, column: str, owner: Address, key: str) -> int | None:
        """How many values of the column are not in the owner's published key, of up to 10,000; None: the owner has published nothing."""


@dataclass(frozen=True, init=False)
class Finding:
    """One breach: where it is ("column 'email'", "promise.retention") and the facts its policy's message names."""

    place: str
    facts: Mapping[str, Any]

    def __init__(self, place: str = "", **facts: Any) -> None:
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "facts", facts)


@dataclass(frozen=True)
class Edit:
    """A change of a file that mends a breach: `before` occurs exactly once in it."""

    file: str
    before: str
    after: str


class Policy:
    """Base of all policies. The first paragraph of a policy's docstring is its message: what is said of the finding's place, and
    what to do; `{fields}` are filled by the finding.

    A policy overrides what it looks at. It is named after its file, and the file's first
    line is its title. `severity` "error" stops publications, "warn" shows. `waivable` says whether a waiver can let a product pass.
    """

    severity: ClassVar[Severity] = "error"
    waivable: ClassVar[bool] = True
    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def of_domain(self, domain: DomainSubject) -> Iterable[Finding]:
        """The breaches of a domain as a whole."""
        return ()

    def of_product(self, subject: Subject) -> Iterable[Finding]:
        """The breaches of one product: what it declares and the file that does."""
        return ()

    def of_publication(self, publication: PublicationSubject) -> Iterable[Finding]:
        """The breaches of rows about to be published."""
        return ()

    def of_read(self, read: ReadSubject) -> Iterable[Finding]:
        """The breaches of one read of another domain's product."""
        return ()

    def fix(self, subject: Subject, finding: Finding) -> Edit | None:
        """What `dagmesh check --fix` does about a breach; None: a person must."""
        return None

    @classmethod
    def template(cls) -> str:
        """The message before its fields are filled: the docstring's first paragraph."""
        return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())

    def message(self, finding: Finding) -> str:
        """The message for one breach.

        Raises:
            KeyError: the docstring names a field that the finding does not have.
        """
        return self.template().format_map(finding.facts)
