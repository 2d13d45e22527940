"""What the order system hands over: the life of every order, event by event."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("orders")
FIELDS = {
    "order_id": "VARCHAR",
    "customer_id": "VARCHAR",
    "channel": "VARCHAR",
    "lines": "STRUCT(sku VARCHAR, category VARCHAR, quantity BIGINT, unit_price_eur DECIMAL(18,2))[]",
    "total_eur": "DECIMAL(18,2)",
    "amount_eur": "DECIMAL(18,2)",
}


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def order_events(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> dm.Export:
    """Order events by the day they were handed over, each once; lines that cannot be read are set aside."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), FIELDS, closed=True)
