"""Violations: the breaches of a domain's policies, judged from subjects alone, the same wherever that is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dagmesh.errors import PolicyViolated
from dagmesh.model.address import Address
from dagmesh.model.policy import DomainSubject, Finding, NotLookedUp, Policy, PublicationSubject, ReadSubject, Subject
from dagmesh.model.policy_files import PolicySet
from dagmesh.model.rule import Severity
from dagmesh.model.waiver import Fault, Waiver, Waivers

TIGHTEN = "policies_only_tighten"
WAIVERS = "waivers_in_order"


@dataclass(frozen=True)
class Violation:
    """One breach of one policy by one product, or by a whole domain; `waiver` is what lets it pass for a while."""

    policy: str
    severity: Severity
    address: str
    place: str
    message: str
    file: str
    line: int = 1
    waiver: Waiver | None = None
    finding: Finding | None = None

    @property
    def stands(self) -> bool:
        """Whether no waiver lets it pass."""
        return self.waiver is None

    @property
    def blocks(self) -> bool:
        """Whether it stops publications."""
        return self.stands and self.severity == "error"

    def describe(self) -> dict[str, Any]:
        """The violation as JSON values."""
        said = {name: value for name, value in vars(self).items() if name not in ("finding", "waiver")}
        return {**said, "waiver": self.waiver.describe() if self.waiver else None}

    def __str__(self) -> str:
        return f"{self.address}: {f'{self.place} ' if self.place else ''}{self.message}"


def of_product(policies: PolicySet, waivers: Waivers, subject: Subject) -> tuple[Violation, ...]:
    """What a product breaks by what it declares: policies of products and of reads, by policy and place."""
    found = [v for policy in policies.policies for v in _found(policy, subject, lambda p: p.of_product(subject))]
    for read in declared_reads(subject):
        found += [v for policy in policies.policies for v in _found(policy, subject, lambda p, read=read: _placed(p.of_read(read), read))]  # type: ignore[misc]  # mypy: default argument of a lambda
    return _waived(found, waivers, subject)


def of_publication(policies: PolicySet, waivers: Waivers, publication: PublicationSubject) -> tuple[Violation, ...]:
    """What rows about to be published break."""
    subject = publication.subject
    found = [v for policy in policies.policies for v in _found(policy, subject, lambda p: p.of_publication(publication))]
    return _waived(found, waivers, subject)


def of_files(policies: PolicySet, waivers: Waivers, domain: str) -> tuple[Violation, ...]:
    """A domain's attempts at loosening a policy, and its waivers that do not hold. Nothing waives these."""
    found = [Violation(TIGHTEN, "error", domain, "", fault.message, fault.file) for fault in policies.faults]
    found += [Violation(WAIVERS, "error", _whose(fault, domain), "", fault.message, fault.file) for fault in waivers.faults]
    return tuple(found)


def _whose(fault: Fault, domain: str) -> str:
    return f"{domain}.{fault.product}" if fault.product else domain


def of_domain(policies: PolicySet, domain: DomainSubject) -> tuple[Violation, ...]:
    """What a domain breaks as a whole; none of its products is stopped by that, the others' readers would suffer."""
    blank = Violation("", "error", domain.name, "", "", domain.file)
    return tuple(
        violation
        for policy in policies.policies
        for violation in _judged(policy, lambda p: p.of_domain(domain), replace(blank, policy=policy.name, severity=policy.severity))
    )


def declared_reads(subject: Subject) -> Iterator[ReadSubject]:
    """The reads of other domains' products that a product declares."""
    for port in subject.product["reads"]:
        source = Address.parse(port["source"]) if "." in port["source"] else None
        if source and source.domain != subject.domain.name:
            place = f"reads['{port['parameter']}']"
            yield ReadSubject(subject.domain.name, source, port.get("purpose"), subject.today, subject.domain.facts, place)


def _placed(findings: Iterable[Finding], read: ReadSubject) -> Iterator[Finding]:
    for finding in findings:
        yield finding if finding.place else Finding(read.place, **finding.facts)


def of_read(policies: PolicySet, read: ReadSubject) -> tuple[Violation, ...]:
    """What one read of a product breaks; a waiver of the reading product does not reach here."""
    blank = Violation("", "error", str(read.source), read.place, "", "")
    return tuple(
        violation
        for policy in policies.policies
        for violation in _judged(policy, lambda p: p.of_read(read), replace(blank, policy=policy.name, severity=policy.severity))
    )


def _found(policy: Policy, subject: Subject, look: Callable[[Policy], Iterable[Finding]]) -> Iterator[Violation]:
    blank = Violation(policy.name, policy.severity, str(subject.address), "", "", subject.file)
    for violation in _judged(policy, look, blank):
        yield replace(violation, line=subject.source.line(violation.place))


def _judged(policy: Policy, look: Callable[[Policy], Iterable[Finding]], blank: Violation) -> Iterator[Violation]:
    """The violations of one policy. Its own failure is one too: what an error cannot judge is not published."""
    try:
        findings = list(look(policy))
        messages = [policy.message(finding) for finding in findings]
    except NotLookedUp:
        return
    except Exception as error:  # noqa: BLE001 - whatever a policy's own code does is said, not swallowed
        message = f"cannot be judged by {policy.name}: {type(error).__name__}: {error}. Mend the policy's file."
        yield replace(blank, message=message)
        return
    for finding, message in zip(findings, messages, strict=True):
        yield replace(blank, place=finding.place, message=message, finding=finding)


def _waived(found: list[Violation], waivers: Waivers, subject: Subject) -> tuple[Violation, ...]:
    waived = [replace(violation, waiver=waivers.of(violation.policy, subject.address.product)) for violation in found]
    return tuple(sorted(waived, key=lambda violation: (violation.policy, violation.line, violation.place)))


def refuse(violations: Iterable[Violation], domain: str, address: str) -> None:
    """Nothing, when none of the violations stops a publication.

    Raises:
        PolicyViolated: one does; the message has every one that does, each on its line.
    """
    blocking = [violation for violation in violations if violation.blocks]
    if blocking:
        names = sorted({violation.policy for violation in blocking})
        lines = "".join(f"\n  {violation.policy}: {violation}" for violation in blocking)
        raise PolicyViolated(
            f"{address}: nothing was published; it breaks {', '.join(names)}:{lines}\nSee it beside its line: dagmesh check {domain}",
            policies=names,
        )
