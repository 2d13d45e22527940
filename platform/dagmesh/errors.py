"""Every error dagmesh raises: each message says place, what, got, allowed and the next step.

DagmeshError
 +-- DefinitionError      a domain, product or contract file is wrong; carries all its problems at once
 +-- AddressError         an address nobody can resolve, or that is not an address
 +-- AccessRefused        the reader is not served by the product
 +-- NotPublished         the product, or the day asked for, has no snapshot yet
 +-- UntrustedSnapshot    a snapshot is unsigned, forged or damaged
 +-- ContractBroken       a contract changed without the version it needs; nothing was published
 +-- PolicyViolated       a rule of the federation, or of the domain, is broken; nothing was published
 +-- PublishConflict      another publisher kept winning until the re-tries were used up
 +-- AuditRefused         the staged rows broke the contract; nothing was published
 |    +-- SchemaMismatch  the rows have not the contract's columns, and no cast that loses nothing mends it
 +-- EventRefused         an event or its type is wrong; nothing was appended
 +-- PreconditionFailed   what an append expected of the store is not true; nothing was appended
 +-- ChainBroken          an event store was changed behind dagmesh's back
 +-- QueryRefused         a statement that is not one plain SELECT over products
 +-- FeedbackRefused      feedback that is not complete, too long, or names no row
 +-- MeshError            the mesh's own folders or settings are wrong
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class DagmeshError(Exception):
    """Base of all errors a user of dagmesh can cause and mend."""


class AddressError(DagmeshError):
    """An address nobody can resolve, or text that is not an address."""


class AccessRefused(DagmeshError):
    """The reader is not served by the product.

    Attributes hold the facts: `reader`, `address` (text).
    """

    def __init__(self, message: str, *, reader: str, address: str) -> None:
        super().__init__(message)
        self.reader = reader
        self.address = address


class NotPublished(DagmeshError):
    """The product, or a day of it, has no snapshot yet.

    `missing_days` lists the ISO days waited for; empty when the product has no snapshot at all.
    """

    def __init__(self, message: str, *, address: str, missing_days: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.address = address
        self.missing_days = tuple(missing_days)


class UntrustedSnapshot(DagmeshError):
    """A snapshot is unsigned, forged or damaged; `last_good` is the newest version that verifies, if any."""

    def __init__(self, message: str, *, address: str, version: int, last_good: int | None) -> None:
        super().__init__(message)
        self.address = address
        self.version = version
        self.last_good = last_good


class ContractBroken(DagmeshError):
    """A contract changed without the version it needs; nothing was published.

    `address` is the product's, `needed` the least version that will do.
    """

    def __init__(self, message: str, *, address: str, needed: str) -> None:
        super().__init__(message)
        self.address = address
        self.needed = needed


class PolicyViolated(DagmeshError):
    """Rules of the federation, or of the domain, are broken; nothing was published. `policies` names them."""

    def __init__(self, message: str, *, policies: Sequence[str]) -> None:
        super().__init__(message)
        self.policies = tuple(policies)


class PublishConflict(DagmeshError):
    """Another publisher kept winning until the bounded re-tries were used up; nothing was published."""


class AuditRefused(DagmeshError):
    """The staged rows broke the contract; nothing was published and the last good snapshot keeps serving."""


class SchemaMismatch(AuditRefused):
    """The rows have not the contract's columns; `differences` holds one line per column, each with what to write."""

    def __init__(self, contract: str, differences: Iterable[str]) -> None:
        self.contract = contract
        self.differences = tuple(differences)
        lines = "".join(f"\n  {difference}" for difference in self.differences)
        super().__init__(f"{contract}: the rows have not the contract's columns:{lines}")


class QueryRefused(DagmeshError):
    """A statement that is not one plain SELECT over products."""


class FeedbackRefused(DagmeshError):
    """Feedback or an answer that is not complete, too long, or names no row; nothing was kept."""


class EventRefused(DagmeshError):
    """An event or its type is wrong; nothing was appended."""


class PreconditionFailed(DagmeshError):
    """What an append expected of the store is not true; nothing was appended."""


class ChainBroken(DagmeshError):
    """An event store, or a sealed segment of it, was changed behind dagmesh's back; `position` is the first bad event's."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class MeshError(DagmeshError):
    """The mesh's own folders, settings or processes are not as they must be."""


@dataclass(frozen=True)
class Problem:
    """One mistake in one file: where it is and a message that ends with what is allowed."""

    file: str
    product: str
    field: str
    message: str

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.product, self.field) if part)
        return f"{place}: {self.message}"


class DefinitionError(DagmeshError):
    """A domain, product or contract file is wrong; `problems` holds every mistake found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def one_of(choices: Iterable[str]) -> str:
    """`a, b or c`."""
    *rest, last = choices
    return f"{', '.join(rest)} or {last}" if rest else last


def nearest(value: str, choices: Iterable[str]) -> str:
    """` Did you mean 'x'?` when one of the choices is close to the value, else an empty text."""
    match = difflib.get_close_matches(value, list(choices), n=1)
    return f" Did you mean '{match[0]}'?" if match else ""
