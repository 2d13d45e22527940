"""What consumers rely on, held against the staged rows before they are published: one check for each consumer."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

import duckdb

from dagmesh.audit.audit import bad_rows_sql, judged
from dagmesh.audit.literals import text
from dagmesh.audit.report import SCHEMA, Report, Result
from dagmesh.consume.broken_expectations import Broken, advice, broken_by
from dagmesh.consume.expectations import Expectation, expectations_of
from dagmesh.lake.lake import Lake
from dagmesh.lake.stage import Stage
from dagmesh.model.address import Address
from dagmesh.model.contract import Contract
from dagmesh.model.contract_of import contract_of
from dagmesh.model.domain import Product

PREFIX = "expected_by__"
OTHERS = "expected_by_others"


@dataclass(frozen=True)
class Kept:
    """Whether one consumer's expectations hold: the check, and of each rule the result on the contract it was judged by."""

    check: Result
    rules: tuple[tuple[type[Contract], tuple[Result, ...]], ...] = ()


def check_name(consumer: Address) -> str:
    """The name of a consumer's check."""
    return f"{PREFIX}{consumer.domain}_{consumer.product}"


def consumers_checks(lake: Lake, address: Address) -> tuple[str, ...]:
    """The names of the checks of those that rely on a product."""
    return tuple(dict.fromkeys(check_name(e.consumer) for e in expectations_of(lake, address)))


def expectations_kept(con: duckdb.DuckDBPyConnection, lake: Lake, product: Product, stage: Stage, report: Report) -> tuple[Kept, ...]:
    """A check for each consumer that relies on the product; none when its rows have not even the contract's columns."""
    if any(result.name == SCHEMA for result in report.failed):
        return ()
    found = expectations_of(lake, product.address, declared=[product.describe()])
    by_consumer = groupby(sorted(found, key=lambda e: e.consumer.name), key=lambda e: e.consumer.name)
    return tuple(_kept(con, product, stage, report.rows, list(some)) for _, some in by_consumer)


def with_expectations(report: Report, kept: Sequence[Kept]) -> Report:
    """The report with the consumers' checks; the accepted ones decide with the contract's own what is published."""
    return replace(report, results=(*report.results, *(one.check for one in kept)))


def collected(results: Sequence[Result], known: Collection[str]) -> list[Result]:
    """The results in which consumers that were not known when the code was loaded share one check."""
    shown = [result for result in results if not result.name.startswith(PREFIX) or result.name in known]
    others = [result for result in results if result.name.startswith(PREFIX) and result.name not in known]
    gone = [Result(name, None, "nothing is relied on any more", "warn", 0, 0, 0.0, 0.0, True) for name in known]
    names = {result.name for result in shown}
    return [*shown, *(result for result in gone if result.name not in names), _together(others)]


def broken_rows_sql(con: duckdb.DuckDBPyConnection, product: Product, stage: Stage, report: Report, kept: Sequence[Kept]) -> str:
    """FROM-able text of the rows that break the contract or an accepted expectation, each with the names of what it breaks."""
    parts = [f"SELECT * FROM {bad_rows_sql(con, stage.sql(), product, report)}"]
    for one in kept:
        for contract, results in one.rules if one.check.severity == "error" and not one.check.passed else ():
            sql = bad_rows_sql(con, stage.sql(), replace(product, contract=contract), replace(report, results=results))
            named = f"list_transform(broken_rules, lambda rule: {text(one.check.name + ': ')} || rule)"
            parts.append(f"SELECT * REPLACE ({named} AS broken_rules) FROM {sql}")
    return f"({' UNION ALL '.join(parts)})"


def _kept(con: duckdb.DuckDBPyConnection, product: Product, stage: Stage, rows: int, expectations: Sequence[Expectation]) -> Kept:
    described = product.describe()
    broken = broken_by(described, expectations)
    lost = {b.column for b in broken}
    contracts = [_judged_contract(product, e, lost) for e in expectations if e.expects]
    rules = tuple((c, judged(con, stage.sql(), replace(product, contract=c), stage.days, stage.parquet())) for c in contracts)
    results = [result for _, some in rules for result in some]
    first = expectations[0]
    check = Result(check_name(first.consumer), None, _relied_on(first, results), "warn", rows, 0, 0.0, 0.0, True)
    failed = [result for result in results if not result.passed]
    if broken:
        return Kept(_broken_by_contract(check, broken, stage.days), rules)
    return Kept(_broken_by_rows(check, first, failed, advice(described, first)) if failed else check, rules)


def _judged_contract(product: Product, expectation: Expectation, lost: Set[str | None]) -> type[Contract]:
    """The producer's columns, classes and masks with the consumer's rules: samples show no more than the producer's own do."""
    assert expectation.expects is not None
    expected = contract_of(expectation.expects, checks="skip")
    expected.rules = tuple(rule for rule in expected.rules if lost.isdisjoint(rule.columns))
    expected.columns = product.contract.columns
    return expected


def _relied_on(expectation: Expectation, results: Sequence[Result]) -> str:
    rules = ", ".join(dict.fromkeys(result.text for result in results))
    return f"{expectation.consumer.name} relies on {rules or 'the columns and the promise'}"


def _broken_by_contract(check: Result, broken: Sequence[Broken], days: tuple[date, ...]) -> Result:
    worst = sorted(broken, key=lambda b: b.severity)
    detail = " ".join(dict.fromkeys(b.advice for b in worst))
    words, severity = "; ".join(b.text for b in worst), worst[0].severity
    return replace(check, text=words, severity=severity, failing_rows=check.rows, share=1.0, passed=False, failed_days=days, detail=detail)


def _broken_by_rows(check: Result, expectation: Expectation, failed: Sequence[Result], advised: str) -> Result:
    """The check of rules that failed: an error where the producer accepted it and the consumer means it as one."""
    errors = [result for result in failed if expectation.accepted and result.severity == "error"]
    deciding = errors or failed
    return replace(
        check,
        text=_relied_on(expectation, deciding),
        severity="error" if errors else "warn",
        failing_rows=max(result.failing_rows for result in deciding),
        share=max(result.share for result in deciding),
        passed=False,
        failed_days=tuple(sorted({day for result in deciding for day in result.failed_days})),
        detail=f"{'Mend the rows. ' if errors else ''}{advised}",
        samples=deciding[0].samples,
    )


def _together(results: Sequence[Result]) -> Result:
    """One check for all these consumers, as bad as the worst of them."""
    text = "consumers that began to rely on it after this code was loaded"
    check = Result(OTHERS, None, text, "warn", 0, 0, 0.0, 0.0, True)
    failed = sorted((result for result in results if not result.passed), key=lambda result: result.severity)
    if not failed:
        return replace(check, detail="; ".join(result.text for result in results))
    return replace(
        failed[0], name=OTHERS, text="; ".join(result.text for result in failed), detail=" ".join(result.detail for result in failed)
    )
