"""What the warehouse hands over: shipments by the day their order was placed."""

import dagster as dg
import duckdb

import dagmesh as dm

EXPORTS = dm.exports("fulfilment")


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/shipments/day={{day}}/p.parquet"),
)
def shipment_records(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per shipment."""
    files = [f"{EXPORTS}/shipments/day={day}/p.parquet" for day in dm.days_of(context)]
    return lake.connection().read_parquet(files, hive_partitioning=True)
