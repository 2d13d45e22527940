"""Policies as Dagster checks: one for each policy that looks at products; what breaks one of severity error is not published."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import duckdb

from dagmesh.consume.column_lineage import derived
from dagmesh.consume.policies import Judge
from dagmesh.errors import NotPublished, UntrustedSnapshot
from dagmesh.lake.lake import Lake
from dagmesh.lake.quoting import name as quoted
from dagmesh.lake.stage import Stage
from dagmesh.model.address import Address
from dagmesh.model.contract import RESTRICTED
from dagmesh.model.domain import Domain, Product
from dagmesh.model.lineage import Lineage
from dagmesh.model.mesh import Mesh
from dagmesh.model.policy import Policy, Subject
from dagmesh.model.policy_files import PolicySet, load_policies
from dagmesh.model.violation import TIGHTEN, WAIVERS, Violation, refuse

PREFIX = "policy__"
MOST_VALUES = 10_000
_FILES = {TIGHTEN: "The domain's own policies add or tighten.", WAIVERS: "The waivers are complete and in force."}
_log = logging.getLogger("dagmesh.policies")


@dataclass(frozen=True)
class Policing:
    """What holds the products of one domain to the policies; without a mesh, or without policies, nothing does."""

    domain: Domain | None = None
    mesh: Mesh | None = None
    policies: PolicySet = PolicySet()  # noqa: RUF009 - frozen

    @classmethod
    def of(cls, mesh: Mesh, domain: Domain) -> Policing:
        """The policing of a domain, its policies read anew.

        Raises:
            MeshError: a policy's file is none.
        """
        return cls(domain, mesh, load_policies(mesh.root, domain.name))

    def judge(self, now: datetime, lake: Lake | None) -> Judge | None:
        """The judge of this moment; None when there is nothing to judge by."""
        if self.mesh is None or self.domain is None or not (self.policies.policies or self.policies.faults):
            return None
        return Judge.of(self.mesh, self.domain, self.policies, now.date(), lake, {})

    def names(self) -> dict[str, str]:
        """Every check's name and what it asks."""
        if not (self.policies.policies or self.policies.faults):
            return {}
        asked = {
            policy.name: policy.title for policy in self.policies.policies if _looks_at(policy, "of_product", "of_publication", "of_read")
        }
        return {PREFIX + name: text for name, text in (asked | _FILES).items()}

    def specs(self, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
        """One check per policy."""
        warning = {PREFIX + policy.name for policy in self.policies.policies if policy.severity == "warn"}
        return [dg.AssetCheckSpec(name, asset=key, description=text, blocking=name not in warning) for name, text in self.names().items()]

    def shown(self, product: Product) -> dict[str, Any]:
        """The definition's metadata: waivers in force, and what the product breaks, which is logged too. The lake is not read."""
        judge = self.judge(datetime.now(UTC), None)
        if judge is None:
            return {}
        found = [violation for violation in judge.of_product(product) if violation.stands]
        for violation in found:
            _log.warning("%s: %s: %s", violation.policy, f"{violation.file}:{violation.line}", violation)
        waived = judge.waived(product)
        return {
            **({"waivers": dg.MetadataValue.md(_listed(waived))} if waived else {}),
            **({"policies": dg.MetadataValue.md(_listed([f"{found.policy}: {found}" for found in found]))} if found else {}),
        }

    def verdict(self, product: Product, lake: Lake, con: duckdb.DuckDBPyConnection, now: datetime) -> Verdict:
        """What the product breaks by what it declares."""
        judge = self.judge(now, lake)
        return Verdict(self, product, lake, con, judge, list(judge.of_product(product)) if judge else [])


def _looks_at(policy: Policy, *hooks: str) -> bool:
    return any(getattr(type(policy), hook) is not getattr(Policy, hook) for hook in hooks)


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


@dataclass
class Verdict:
    """One run's verdict on one product; the staged rows may add to it."""

    policing: Policing
    product: Product
    lake: Lake
    con: duckdb.DuckDBPyConnection
    judge: Judge | None
    violations: list[Violation]
    skipped: list[str] = field(default_factory=list)

    def refuse(self) -> None:
        """Nothing, when the product may be published.

        Raises:
            PolicyViolated: an error stands.
        """
        refuse(self.violations, self.product.domain, str(self.product.address))

    def look_at(self, stage: Stage) -> None:
        """Nothing, when the staged rows may be published too.

        Raises:
            PolicyViolated: an error stands.
        """
        if self.judge:
            staged = StagedRows(self.judge.subject(self.product), self.con, stage.sql(), self.lake, self.skipped)
            self.violations += self.judge.of_publication(staged)
            self.refuse()

    def lineage(self) -> Lineage:
        """What each of the product's columns is made of, for its publication; empty when that cannot be told."""
        if self.judge:
            return self.judge.domain.facts.lineage(self.product.address).lineage
        domain = self.policing.domain
        known = (domain.described, domain.newest) if domain else ({}, {})
        return derived(self.lake, self.product, *known).lineage

    def results(self, key: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
        """The result of each check: passed when what it found is waived, or nothing."""
        of_rows = {PREFIX + policy.name for policy in self.policing.policies.policies if _looks_at(policy, "of_publication")}
        for name in self.policing.names():
            found = [violation for violation in self.violations if PREFIX + violation.policy == name]
            yield _result(key, name, found, self.skipped if name in of_rows else [])


def _result(key: dg.AssetKey, name: str, found: Sequence[Violation], skipped: Sequence[str]) -> dg.AssetCheckResult:
    standing = [violation for violation in found if violation.stands]
    said = [*(f"{violation} ({violation.file}:{violation.line})" for violation in standing), *skipped]
    waived = [f"{violation}: {violation.waiver}" for violation in found if not violation.stands]
    severity = dg.AssetCheckSeverity.ERROR if any(violation.blocks for violation in found) else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not standing,
        severity=severity,
        description="; ".join(str(violation) for violation in standing) or "; ".join(skipped) or None,
        metadata={
            **({"says": dg.MetadataValue.md(_listed(said))} if said else {}),
            **({"waived": dg.MetadataValue.md(_listed(waived))} if waived else {}),
        },
    )


@dataclass(frozen=True)
class StagedRows:
    """Rows about to be published, as policies see them; `skipped` is told what could not be looked at."""

    subject: Subject
    con: duckdb.DuckDBPyConnection
    sql: str
    lake: Lake
    skipped: list[str]

    def count(self, condition: str) -> int:
        """How many of the rows a condition in SQL is true of."""
        return int(self.con.execute(f"SELECT count(*) FROM {self.sql} WHERE {condition}").fetchall()[0][0])

    def unmatched(self, column: str, owner: Address, key: str) -> int | None:
        """How many values of the column are not in the owner's published key, of up to 10,000; None: the owner has published nothing.

        No value leaves the platform, so the owner's snapshot is read whether or not it serves this product's domain.
        """
        try:
            snapshot = self.lake.table(owner).snapshot()
            published = snapshot.sql()
        except (NotPublished, UntrustedSnapshot):
            self.skipped.append(f"column '{column}' was not held against {owner}, which has published nothing that can be trusted.")
            return None
        columns = snapshot.publication.product["contract"]["columns"]
        if key not in {said["name"] for said in columns if said["key"] and said["classification"] not in RESTRICTED}:
            # Whether a value is there would be told of any column of anyone, unasked and unrecorded.
            self.skipped.append(f"column '{column}' was not held against {owner}.{key}, which is no key that all may know.")
            return None
        staged = f"SELECT DISTINCT {quoted(column)} AS value FROM {self.sql} WHERE {quoted(column)} IS NOT NULL LIMIT {MOST_VALUES}"
        # Matches are counted, not what has none: of a semi join DuckDB hands the staged values' bounds to the scan of what is published.
        known = f"SELECT count(DISTINCT value) FROM (SELECT {quoted(key)} AS value FROM {published}) SEMI JOIN staged USING (value)"
        counted = f"WITH staged AS MATERIALIZED ({staged}) SELECT (SELECT count(*) FROM staged) - ({known})"
        return int(self.con.execute(counted).fetchall()[0][0])
