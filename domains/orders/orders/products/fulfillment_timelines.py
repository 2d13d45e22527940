"""How long each delivered order took, step by step: what orders publishes for logistics."""

from datetime import date, datetime

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
    version="1.0.1",
    serves=["logistics"],
    promise=dm.Promise(available_by="06:30", max_lag="24h", min_completeness=0.97),
    partitioned_by="delivered_date",
    documentation="https://example.org/orders/fulfillment_timelines",
    tags={"subject": "orders"},
)
def fulfillment_timelines(order_events: dm.Events) -> dm.Projection:
    """Put the steps of each delivered order side by side.

    An order of which neither payment nor shipping is known was placed before the exports began, and has no timeline.
    """
    order = dm.entity(
        "order_id",
        placed_at=dm.first(OrderPlaced="time"),
        paid_at=dm.first(PaymentReceived="time"),
        shipped_at=dm.first(OrderShipped="time"),
        delivered_at=dm.first(OrderDelivered="time"),
    )
    return dm.projection(
        order_events,
        of=order,
        where="delivered_at IS NOT NULL AND placed_at IS NOT NULL AND coalesce(paid_at, shipped_at) IS NOT NULL",
        columns={
            "delivered_date": "CAST(delivered_at AS DATE)",
            "hours_to_deliver": "date_diff('minute', placed_at, delivered_at) / 60.0::DOUBLE",
        },
    )
