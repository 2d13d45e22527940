"""What the shop hands over: orders a day at a time, customers and products as they are now."""

import dagster as dg
import duckdb

import dagmesh as dm

EXPORTS = dm.exports("sales")


@dg.asset(metadata=dm.files(f"{EXPORTS}/customers.parquet"))
def customer_records(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per customer."""
    return lake.connection().read_parquet(f"{EXPORTS}/customers.parquet")


@dg.asset(metadata=dm.files(f"{EXPORTS}/products.parquet"))
def product_records(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per product on sale."""
    return lake.connection().read_parquet(f"{EXPORTS}/products.parquet")


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/orders/day={{day}}/p.parquet"),
)
def order_records(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per order line, test orders too, by the day it was placed."""
    files = [f"{EXPORTS}/orders/day={day}/p.parquet" for day in dm.days_of(context)]
    return lake.connection().read_parquet(files, hive_partitioning=True)
