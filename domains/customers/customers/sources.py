"""What the customer register hands over: registrations and moves."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("customers")
FIELDS = {
    "customer_id": "VARCHAR",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "street": "VARCHAR",
    "city": "VARCHAR",
    "country": "VARCHAR",
}


@dg.asset(metadata=dm.files(f"{EXPORTS}/base.jsonl"))
def base_events(lake: dm.LakeResource) -> dm.Export:
    """The register as it was when the exports began."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/base.jsonl", [], FIELDS, closed=True)


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def customer_events(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> dm.Export:
    """Registrations and moves by the day they were handed over, each once."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), FIELDS, closed=True)
