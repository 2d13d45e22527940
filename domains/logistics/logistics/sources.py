"""What the carriers report: parcels handed over and delivered."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("logistics")
FIELDS = {"order_id": "VARCHAR", "carrier": "VARCHAR", "region": "VARCHAR", "promised_on": "DATE"}


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def parcel_events(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> dm.Export:
    """Parcel events by the day they were handed over, each once."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), FIELDS, closed=True)
