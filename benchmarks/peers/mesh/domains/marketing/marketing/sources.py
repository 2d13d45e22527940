"""What the campaign tool hands over: touches a day at a time, campaigns as they are now."""

import dagster as dg
import duckdb

import dagmesh as dm

EXPORTS = dm.exports("marketing")


@dg.asset(metadata=dm.files(f"{EXPORTS}/campaigns.parquet"))
def campaign_records(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per campaign."""
    return lake.connection().read_parquet(f"{EXPORTS}/campaigns.parquet")


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/touches/day={{day}}/p.parquet"),
)
def touch_records(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per contact of a campaign with a customer."""
    files = [f"{EXPORTS}/touches/day={day}/p.parquet" for day in dm.days_of(context)]
    return lake.connection().read_parquet(files, hive_partitioning=True)
