"""Judges a domain's products by the mesh's policies: gathers what a verdict rests on, and looks into the lake only when asked."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path

from dagmesh.consume.baseline import consumers, published
from dagmesh.consume.column_lineage import derived, published_lineage
from dagmesh.consume.comparison import broken_readers
from dagmesh.consume.mesh_products import MeshProducts
from dagmesh.consume.retirement import evidence
from dagmesh.errors import NotPublished
from dagmesh.lake.lake import Lake
from dagmesh.model import violation
from dagmesh.model.address import Address
from dagmesh.model.change import Change
from dagmesh.model.domain import Domain, Product
from dagmesh.model.lineage import Derived, Lineage
from dagmesh.model.mesh import Mesh
from dagmesh.model.policy import Described, DomainSubject, NotLookedUp, PublicationSubject, Subject
from dagmesh.model.policy_files import PolicySet
from dagmesh.model.source import Source, private_names
from dagmesh.model.violation import TIGHTEN, Violation
from dagmesh.model.waiver import Waivers, read_waivers


@dataclass(frozen=True)
class MeshFacts:
    """What policies may ask of the rest of the mesh; without a lake, published facts are not looked up."""

    mesh: Mesh
    lake: Lake | None
    today: date
    declared: Mapping[str, Described] = field(default_factory=dict)
    domain: Domain | None = None
    _lineages: dict[str, Derived] = field(default_factory=dict, init=False, compare=False, repr=False)

    def published(self, address: Address) -> Described | None:
        """The product as last published in that major, or None."""
        if self.lake is None:
            raise NotLookedUp
        return published(self.lake, address)

    def products(self) -> Mapping[str, Described]:
        """Every product of the mesh by address: as declared where that is known, else as published."""
        if self.lake is None:
            raise NotLookedUp
        return MeshProducts(self.lake, self.declared)

    def published_of(self, domain: str) -> Mapping[Address, Described]:
        """A domain's products as last published, all majors, those that no code has any more among them."""
        if self.lake is None:
            raise NotLookedUp
        found = {address: self.published(address) for address in self.lake.addresses(domain)}
        return {address: product for address, product in found.items() if product}

    def private(self, domain: str) -> frozenset[str]:
        """The names of a domain's private tables, from its files."""
        if domain not in self.mesh.names:
            return frozenset()
        location = self.mesh.location(domain)
        return private_names(location.folder / location.module.partition(".")[0])

    def broken_readers(self, address: Address, changes: Iterable[Change]) -> list[str]:
        """The published products that changes of a product break."""
        if self.lake is None:
            raise NotLookedUp
        return broken_readers(changes, consumers(self.lake, address))

    def lineage(self, address: Address) -> Derived:
        """What each column of a product of the domain is made of, told once; not where an input has no columns yet."""
        product = self.domain.by_address.get(str(address)) if self.domain else None
        if self.lake is None or self.domain is None or product is None:
            raise NotLookedUp
        if str(address) not in self._lineages:
            try:
                self._lineages[str(address)] = derived(self.lake, product, self.declared, self.domain.newest)
            except NotPublished as error:
                raise NotLookedUp from error
        return self._lineages[str(address)]

    def published_lineage(self, address: str) -> Lineage:
        """What each column of a product is made of, as last published; empty when that is not known."""
        return published_lineage(self.lake, address) if self.lake else {}

    def readers(self, address: Address) -> Mapping[str, datetime]:
        """Who read the product in the last 30 days, each with the last time."""
        if self.lake is None:
            raise NotLookedUp
        return {reader.name: reader.last for reader in evidence(self.lake, address, datetime.combine(self.today, time.max, UTC)).readers}


@dataclass(frozen=True)
class Judge:
    """Judges the products of one domain on one day."""

    policies: PolicySet
    waivers: Waivers
    domain: DomainSubject

    @classmethod
    def of(
        cls, mesh: Mesh, domain: Domain, policies: PolicySet, today: date, lake: Lake | None, declared: Mapping[str, Described]
    ) -> Judge:
        """The judge of a domain.

        Args:
            mesh: the mesh; its files have the domain's waivers.
            domain: whose products are judged.
            policies: those that hold in the domain.
            today: the UTC day.
            lake: where published facts are; None: what needs them is judged elsewhere.
            declared: every product that is known from code, by address; the domain's own are added.
        """
        facts = MeshFacts(mesh, lake, today, {**declared, **domain.described} if declared else domain.described, domain)
        subject = DomainSubject(
            name=domain.name,
            owner=domain.owner,
            support=domain.support,
            description=domain.description,
            file=f"domains/{domain.name}/{domain.name}/definitions.py",
            products=domain.described,
            domains=mesh.names,
            today=today,
            facts=facts,
            newest=domain.newest,
        )
        return cls(policies, read_waivers(mesh.root / "domains" / domain.name, policies.waivable, domain.newest, today), subject)

    def subject(self, product: Product) -> Subject:
        """The product as policies see it."""
        return Subject(product.describe(), self.domain, source_of(product))

    def of_product(self, product: Product) -> tuple[Violation, ...]:
        """What the product breaks by what it declares, and what is wrong with the policies and waivers that concern it."""
        name = product.address.name
        own = [found for found in self.of_files if found.policy == TIGHTEN or found.address == name]
        return (*own, *self.of_declaration(product))

    def of_declaration(self, product: Product) -> tuple[Violation, ...]:
        """What the product breaks by what it declares."""
        return violation.of_product(self.policies, self.waivers, self.subject(product))

    def of_publication(self, publication: PublicationSubject) -> tuple[Violation, ...]:
        """What rows about to be published break."""
        return violation.of_publication(self.policies, self.waivers, publication)

    @cached_property
    def of_files(self) -> tuple[Violation, ...]:
        """What is wrong with the domain's own policies and waivers."""
        return violation.of_files(self.policies, self.waivers, self.domain.name)

    def of_domain(self) -> tuple[Violation, ...]:
        """What the domain breaks as a whole."""
        return violation.of_domain(self.policies, self.domain)

    def waived(self, product: Product) -> list[str]:
        """The product's waivers that are in force, in words."""
        return [str(waiver) for waiver in self.waivers.held if waiver.product == product.name]


def source_of(product: Product) -> Source:
    """The file that declares a product."""
    file = Path(inspect.getfile(product.function))
    return Source(product.file, file.read_bytes(), product.contract.__name__, product.function.__name__)
