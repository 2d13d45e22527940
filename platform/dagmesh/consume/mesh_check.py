"""Everything that is wrong with the files of a mesh, before anything runs: what `dagmesh check` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from dagmesh.consume.broken_expectations import broken_by
from dagmesh.consume.comparison import compared
from dagmesh.consume.expectations import Expectation, all_expectations
from dagmesh.consume.grant_files import grant_problems
from dagmesh.consume.identity.principals_reading import principals_problems
from dagmesh.consume.policies import Judge
from dagmesh.consume.projection_check import check_projections
from dagmesh.errors import DagmeshError, DefinitionError, Problem
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.domain import Domain, Product
from dagmesh.model.lock import lock_problems
from dagmesh.model.mesh import Mesh
from dagmesh.model.policy import Edit
from dagmesh.model.policy_files import load_policies
from dagmesh.model.rule import Severity
from dagmesh.model.source import Source
from dagmesh.model.violation import Violation

Kind = Literal["definition", "policy", "version", "lock", "expectation", "grant", "principal"]
BREAKS = "breaking_change_needs_major"


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: which rule it breaks, where that is written, and what to do. `waived` says why it may be so."""

    kind: Kind
    rule: str
    severity: Severity
    address: str
    file: str
    line: int
    message: str
    waived: str | None = None
    fix: Edit | None = None

    @property
    def blocks(self) -> bool:
        """Whether a change with it may not be merged."""
        return self.severity == "error" and self.waived is None

    def describe(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {**vars(self), "fix": vars(self.fix) if self.fix else None}

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Wrong:
        """The finding that JSON values describe."""
        return cls(**{**described, "fix": Edit(**described["fix"]) if described["fix"] else None})


@dataclass(frozen=True)
class Checked:
    """What was looked at, by name, and what is wrong with it."""

    domains: tuple[str, ...]
    products: tuple[str, ...]
    policies: tuple[str, ...]
    wrong: tuple[Wrong, ...]


def checked(mesh: Mesh, names: Iterable[str], today: date) -> Checked:
    """What is wrong with the domains of these names.

    Raises:
        MeshError: no domain of that name, or a policy's file that is none.
    """
    wanted = [mesh.location(name).name for name in names]
    domains, broken = mesh.loaded()
    lake = Lake.of(mesh)
    declared = {str(product.address): product.describe() for domain in domains.values() for product in domain.products}
    relied_on = all_expectations(lake, declared=declared.values())
    wrong: list[Wrong] = []
    policies: set[str] = set()
    for name in wanted:
        if name in broken:
            wrong += _definition_problems(mesh, name, broken[name])
            continue
        held = load_policies(mesh.root, name)
        policies |= {policy.name for policy in held.policies}
        try:
            check_projections(domains[name])
        except DefinitionError as error:
            wrong += _definition_problems(mesh, name, error)
            continue
        judge = Judge.of(mesh, domains[name], held, today, lake, declared)
        wrong += [*_policy_problems(judge, domains[name]), *_version_problems(mesh, lake, judge, domains[name])]
        wrong += [*_lock_problems(mesh, domains[name]), *_expectation_problems(judge, domains[name], relied_on)]
        wrong += _grant_problems(mesh, domains[name])
    wrong += [Wrong("principal", "principal", "error", "", found.file, 1, _words(found)) for found in principals_problems(mesh)]
    products = tuple(str(product.address) for name in wanted if name in domains for product in domains[name].products)
    return Checked(tuple(wanted), products, tuple(sorted(policies)), _once(wrong))


def _once(wrong: Iterable[Wrong]) -> tuple[Wrong, ...]:
    """Without what a policy says already; in the order of files and lines."""
    found = list(wrong)
    said = {one.address for one in found if one.rule == BREAKS}
    left = [one for one in found if not (one.kind == "version" and one.address in said)]
    return tuple(sorted(left, key=lambda one: (one.file, one.line, one.rule, one.message)))


def _definition_problems(mesh: Mesh, name: str, error: DagmeshError) -> Iterator[Wrong]:
    problems = error.problems if isinstance(error, DefinitionError) else (Problem(f"domains/{name}", "", "", str(error)),)
    for problem in problems:
        yield Wrong("definition", "definition", "error", problem.product or name, problem.file, _line(mesh.root, problem), _words(problem))


def _words(problem: Problem) -> str:
    """What a problem says, without its file."""
    return str(problem).removeprefix(f"{problem.file}: ")


def _line(root: Path, problem: Problem) -> int:
    path, said = root / problem.file, problem.field.removeprefix("line ")
    if said.isdecimal() or not path.is_file():
        return int(said) if said.isdecimal() else 1
    return Source(problem.file, path.read_bytes(), problem.product, problem.product.rpartition(".")[2]).line(problem.field)


def _policy_problems(judge: Judge, domain: Domain) -> Iterator[Wrong]:
    for found in (*judge.of_files, *judge.of_domain()):
        yield _of_policy(found)
    for product in domain.products:
        subject = judge.subject(product)
        for found in judge.of_declaration(product):
            policy = next(policy for policy in judge.policies.policies if policy.name == found.policy)
            fix = policy.fix(subject, found.finding) if found.finding and found.stands else None
            yield replace(_of_policy(found), fix=fix)


def _grant_problems(mesh: Mesh, domain: Domain) -> Iterator[Wrong]:
    for problem in grant_problems(mesh.root, domain.name, [product.describe() for product in domain.products]):
        yield Wrong("grant", "grant", "error", problem.product or domain.name, problem.file, 1, _words(problem))


def _of_policy(found: Violation) -> Wrong:
    waived = str(found.waiver) if found.waiver else None
    return Wrong("policy", found.policy, found.severity, found.address, found.file, found.line, str(found), waived)


def _version_problems(mesh: Mesh, lake: Lake, judge: Judge, domain: Domain) -> Iterator[Wrong]:
    for product in domain.products:
        message = compared(mesh, lake, product).message
        if message:
            yield Wrong("version", "version_bump", "error", *_place(judge, product, "version"), message)


def _place(judge: Judge, product: Product, place: str) -> tuple[str, str, int]:
    subject = judge.subject(product)
    return str(product.address), subject.file, subject.source.line(place)


def _lock_problems(mesh: Mesh, domain: Domain) -> Iterator[Wrong]:
    folder = mesh.location(domain.name).folder
    for found in lock_problems(folder, [product.describe() for product in domain.products]):
        file = f"domains/{domain.name}/{found.path.relative_to(folder)}"
        yield Wrong("lock", f"lock_{found.kind.replace(' ', '_')}", "error", found.address, file, 1, found.message)


def _expectation_problems(judge: Judge, domain: Domain, relied_on: Mapping[Address, list[Expectation]]) -> Iterator[Wrong]:
    for product in domain.products:
        before = judge.domain.facts.published(product.address)
        for found in broken_by(product.describe(), relied_on.get(product.address, []), before=before):
            place = f"column '{found.column}'" if found.column else ""
            yield Wrong("expectation", "expectation", found.severity, *_place(judge, product, place), found.message)
