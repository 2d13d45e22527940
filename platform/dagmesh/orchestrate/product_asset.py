"""A data product as a Dagster asset: one step that writes, audits and publishes, one check per rule."""

# No `from __future__ import annotations` here: Dagster compares the annotations of an asset's function by identity.
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from dagmesh.audit.report import COMPLETENESS, HISTORY, SCHEMA, Result, check_names
from dagmesh.consume.read_log import Asking, ReadLog
from dagmesh.consume.usage.ending import ended
from dagmesh.errors import DagmeshError, MeshError, PolicyViolated, SchemaMismatch
from dagmesh.lake.failures import Failures
from dagmesh.model.domain import Domain, Product
from dagmesh.model.product import Read
from dagmesh.orchestrate import metadata
from dagmesh.orchestrate.days_in_words import days_in_words
from dagmesh.orchestrate.expectation_checks import OTHERS, PREFIX, collected
from dagmesh.orchestrate.inputs import Ports
from dagmesh.orchestrate.known import Known
from dagmesh.orchestrate.lineage_metadata import lineage_metadata, lineage_section
from dagmesh.orchestrate.openlineage import told
from dagmesh.orchestrate.policy_checks import Policing
from dagmesh.orchestrate.publishing import Outcome, Run
from dagmesh.orchestrate.resources import LakeResource, ResolverResource
from dagmesh.orchestrate.run_days import RunDays, days_of_product

Events = Iterator[Any]
UNPOLICED, UNKNOWN = Policing(), Known()
# What Dagster's own source assets say when they have told all their events themselves, so that none is made of the result.
_SAID = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}


def daily(start: date | str) -> dg.DailyPartitionsDefinition:
    """The partitions of everything that is made a day at a time: UTC days from `start` to yesterday."""
    return dg.DailyPartitionsDefinition(start_date=str(start), timezone="UTC")


def product_asset(
    domain: Domain, product: Product, lake_root: str, known: Known = UNKNOWN, policing: Policing = UNPOLICED
) -> dg.AssetsDefinition:
    """The asset whose every run stages, audits, signs and publishes the product.

    Args:
        domain: the domain that owns the product.
        product: what to publish.
        lake_root: where the lake is, for the links the UI shows.
        known: what the lake says of it now: who relies on it, and what its columns are made of.
        policing: what holds it to the policies.
    """
    key = dg.AssetKey(product.address.key)
    spec = dg.AssetSpec(
        key=key,
        deps=[_dep(domain, product, read) for read in product.inputs],
        description=metadata.description(product) + lineage_section(known.lineage),
        metadata=metadata.definition_metadata(product, f"{lake_root}/{product.domain}/{product.name}/v{product.major}")
        | policing.shown(product),
        group_name=domain.name,
        owners=[product.owner],
        tags=metadata.tags(product),
        kinds={"deltalake", product.form},
        code_version=product.version,
        partitions_def=daily(domain.start) if product.partitioned_by else None,
        freshness_policy=_freshness(product),
    )

    @dg.multi_asset(
        name=f"{product.name}_v{product.major}",
        specs=[spec],
        check_specs=[*_checks(key, product, known.consumers), *policing.specs(key)],
        backfill_policy=dg.BackfillPolicy.single_run() if product.partitioned_by else None,
    )
    def publish_product(context: dg.AssetExecutionContext, lake: LakeResource, resolver: ResolverResource) -> Events:
        days = days_of_product(context, key.path[-1]) if product.partitioned_by else RunDays()
        asking = Asking(resolver.principal, "dagster")
        ports = Ports(domain, replace(resolver.resolver, asking=asking), lake.lake.private(domain.name))
        verdict = policing.verdict(product, lake.lake, lake.connection(), datetime.now(UTC))
        run = Run(ports, lake.connection(), context.run.run_id, datetime.now(UTC), verdict.look_at, verdict.lineage, days.looked_at)
        try:
            with Failures.of(lake.lake.home, product.address).noted(run.run_id, run.now):
                verdict.refuse()
                with ended(ReadLog(lake.lake.home), asking.query) if _reads_products(ports, product) else nullcontext():
                    outcome = told(run, product, days.days)
        except PolicyViolated as error:
            yield from verdict.results(key)
            raise dg.Failure(str(error), allow_retries=False) from error
        except SchemaMismatch as error:
            yield _schema_refused(key, error)
            raise dg.Failure(f"{product.address}: nothing was published. {error}", allow_retries=False) from error
        except DagmeshError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        outcome = replace(outcome, shown=_used_by(lake, product) if outcome.complete else {})
        yield from _events(context, product, outcome, days.named, known.consumers, [*verdict.results(key)])

    return publish_product


def _reads_products(ports: Ports, product: Product) -> bool:
    return any(read.form != "events" and ports.address(read) for read in product.inputs)


def _dep(domain: Domain, product: Product, read: Read) -> dg.AssetDep:
    address = read.address or domain.newest.get(read.source)
    key = dg.AssetKey(address.key if address else [domain.name, read.source])
    if product.partitioned_by and ((read.days or 1) > 1 or read.late_days):
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=1 - (read.days or 1), end_offset=read.late_days, allow_nonexistent_upstream_partitions=True
        )
        return dg.AssetDep(key, partition_mapping=mapping)
    return dg.AssetDep(key)


def _checks(key: dg.AssetKey, product: Product, consumers: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """One check per rule and one per consumer that relies on the product; those that only warn block nothing."""
    warning = {HISTORY, *(rule.name for rule in product.contract.rules if rule.severity == "warn")}
    relied_on = [*((name, "what the consumer relies on") for name in consumers), (OTHERS, "what consumers rely on that came since")]
    named = [*check_names(product), *relied_on]
    return [dg.AssetCheckSpec(name, asset=key, description=text, blocking=name not in warning) for name, text in named]


def _freshness(product: Product) -> dg.FreshnessPolicy:
    hours = max(1, int((product.promise.lag + timedelta(days=1)).total_seconds() // 3600))
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))


def _events(
    context: dg.AssetExecutionContext,
    product: Product,
    outcome: Outcome,
    named: Sequence[date],
    consumers: Sequence[str],
    policies: Sequence[dg.AssetCheckResult],
) -> Events:
    """The run's result as Dagster sees it: materialised days, one result per check, and a failure if anything is missing.

    Dagster itself says of the days that its run names that they are materialised; it does not know of others, nor which of them
    had nothing new.
    """
    key = dg.AssetKey(product.address.key)
    results = collected(outcome.report.results, consumers) if outcome.report else []
    checks = [*(_check_result(key, result, outcome) for result in results), *policies]
    by_dagster = set(named) if outcome.complete and set(named) <= set(outcome.published) else set()
    for day in outcome.published:
        about = _day_metadata(product, outcome, day)
        if day in by_dagster:
            context.add_asset_metadata(about, asset_key=key, partition_key=day.isoformat())
        else:
            described = {**_run_metadata(product, outcome), **about}
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=described))
    if outcome.complete:
        said = _run_metadata(product, outcome) if by_dagster or not outcome.published else _SAID
        yield dg.MaterializeResult(asset_key=key, metadata=said, check_results=checks)
        return
    yield from checks
    raise dg.Failure(in_words(product, outcome), metadata=_quarantine(outcome), allow_retries=False)


def _used_by(lake: LakeResource, product: Product) -> dict[str, Any]:
    """Who used the product in the 30 days before; what is wrong with the log of reads is said in its place, the product is published."""
    try:
        return {"used_by": metadata.used_by(lake.used_by(product.address))}
    except MeshError as error:
        return {"used_by": str(error)}


def _schema_refused(key: dg.AssetKey, error: SchemaMismatch) -> dg.AssetCheckResult:
    """The one check that was made: the columns are not the contract's, and what to write."""
    differences = {"differences": dg.MetadataValue.md("\n".join(f"- {line}" for line in error.differences))}
    return dg.AssetCheckResult(asset_key=key, check_name=SCHEMA, passed=False, metadata=differences)


def _check_result(key: dg.AssetKey, result: Result, outcome: Outcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.name,
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.severity == "error" else dg.AssetCheckSeverity.WARN,
        description=result.text,
        metadata={
            "failing_rows": result.failing_rows,
            "rows": result.rows,
            "failing_share": round(result.share, 6),
            **({"detail": result.detail} if result.detail else {}),
            **({"failed_days": days_in_words(result.failed_days)} if result.failed_days else {}),
            **({"samples": metadata.sample_table(result.samples)} if result.samples else {}),
            **(_quarantine(outcome) if not result.passed and result.severity == "error" else {}),
        },
    )


def _run_metadata(product: Product, outcome: Outcome) -> dict[str, Any]:
    """What is true of the whole snapshot; of a daily product, each day has its own numbers beside."""
    assert outcome.snapshot is not None
    assert outcome.report is not None
    numbers = {} if outcome.published else _numbers(product, outcome.report.completeness, outcome.report.profile)
    return {
        "snapshot": str(outcome.snapshot.address),
        "dagster/row_count": outcome.snapshot.publication.rows,
        "sample_rows": metadata.sample_table(outcome.sample),
        "seconds": round(outcome.seconds, 3),
        **outcome.shown,
        **lineage_metadata(product.domain, outcome.snapshot.publication.lineage),
        **numbers,
    }


def _day_metadata(product: Product, outcome: Outcome, day: date) -> dict[str, Any]:
    assert outcome.report is not None
    facts = outcome.report.days[day]
    numbers = _numbers(product, facts.completeness, outcome.report.day_profiles.get(day, {}))
    return {"dagster/partition_row_count": facts.rows, **numbers}


def _numbers(product: Product, completeness: float, profile: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {"completeness": round(completeness, 4), **metadata.profile_numbers(product.contract, profile)}


def _quarantine(outcome: Outcome) -> dict[str, Any]:
    return {"quarantine": dg.MetadataValue.path(str(outcome.quarantine))} if outcome.quarantine else {}


def in_words(product: Product, outcome: Outcome) -> str:
    """In words: what was published, what was refused and for which rules, what waits for what, and the next step."""
    lines = []
    broken = [result for result in outcome.report.results if not result.passed and result.severity == "error"] if outcome.report else []
    if broken:
        rules = "; ".join(f"{result.text} ({_broken(result)})" for result in broken)
        what = f"refused {days_in_words(outcome.refused)}" if outcome.refused else "nothing was published"
        lines.append(f"{product.address}: {what}: {rules}. The last good snapshot keeps serving.")
    lines += [result.detail for result in broken if result.name.startswith(PREFIX)]
    if outcome.published:
        lines.append(f"Published: {days_in_words(outcome.published)}.")
    if outcome.quarantine:
        lines.append(f"The bad rows are in {outcome.quarantine}. Mend the source or the product, then run it again.")
    for day, sources in outcome.waiting.items():
        lines.append(f"{product.address} {day} waits for {sources}.")
    return "\n".join(lines)


def _broken(result: Result) -> str:
    if result.name == COMPLETENESS:  # it is not always rows that are at fault
        return result.detail
    return f"{result.failing_rows} of {result.rows} rows break it"
