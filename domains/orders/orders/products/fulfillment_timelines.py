"""How long each delivered order took, step by step: what orders publishes for logistics."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class FulfillmentTimelines(dm.Contract):
    """One row per order delivered on the day."""

    order_id: str = dm.field(key=True, description="The order's number.")
    delivered_date: date = dm.field(description="UTC day on which the parcel was delivered.")
    placed_at: datetime = dm.field(description="When the order was placed, UTC.")
    paid_at: datetime | None = dm.field(ge=dm.column("placed_at"), description="When the payment came in, UTC.")
    shipped_at: datetime = dm.field(
        required=dm.rule(True, max_failing=0.02), ge=dm.column("placed_at"), description="When the parcel left the shop, UTC."
    )
    delivered_at: datetime = dm.field(ge=dm.column("shipped_at"), description="When the parcel was delivered, UTC.")
    hours_to_deliver: float = dm.field(ge=0.0, le=24.0 * 30, unit="hours", description="From the order to the delivery.")


@dm.data_product(
    contract=FulfillmentTimelines,
    version="1.0.0",
    serves=["logistics"],
    promise=dm.Promise(available_by="06:30", max_lag="24h", min_completeness=0.97),
    reads={"order_events": dm.read("order_events", days=31, late_days=2)},
    partitioned_by="delivered_date",
    documentation="https://example.org/orders/fulfillment_timelines",
    tags={"subject": "orders"},
)
def fulfillment_timelines(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Put the steps of each delivered order side by side; an order placed before the window has no timeline."""
    return dm.sql(
        """
        SELECT
            order_id,
            CAST(delivered_at AS DATE) AS delivered_date,
            placed_at, paid_at, shipped_at, delivered_at,
            date_diff('minute', placed_at, delivered_at) / 60.0::DOUBLE AS hours_to_deliver
        FROM (
            SELECT
                order_id,
                min(occurred_at) FILTER (type = 'OrderPlaced') AS placed_at,
                min(occurred_at) FILTER (type = 'PaymentReceived') AS paid_at,
                min(occurred_at) FILTER (type = 'OrderShipped') AS shipped_at,
                min(occurred_at) FILTER (type = 'OrderDelivered') AS delivered_at
            FROM order_events GROUP BY order_id
        )
        WHERE delivered_at IS NOT NULL AND placed_at >= (SELECT min(day) FROM order_events)
        """,
        order_events=order_events,
    )
