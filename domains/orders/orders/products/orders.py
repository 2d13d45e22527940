"""Every order, on the day it was placed: what orders publishes for marketing and risk."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import dagmesh as dm


class Orders(dm.Contract):
    """One row per order placed on the day."""

    order_id: str = dm.field(key=True, matches=r"o\d{10}$", description="The order's number.")
    order_date: date = dm.field(description="UTC day on which the order was placed.")
    placed_at: datetime = dm.field(description="When the order was placed, UTC.")
    customer_id: str = dm.field(classification="pseudonymous", description="Stable pseudonym of the buyer.")
    channel: Literal["web", "app", "store"] = dm.field(description="Where the order was placed.")
    item_count: int = dm.field(ge=1, unit="items", description="Items ordered, all lines together.")
    total_eur: Decimal = dm.field(ge=0, unit="EUR", description="Price of the order, gross.")
    is_cancelled: bool = dm.field(description="Whether the order was cancelled; the shop cancels within a day of placing.")


@dm.data_product(
    contract=Orders,
    version="1.0.1",
    serves=["marketing", "risk"],
    accepts=["marketing.campaign_conversion"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="order_date",
    documentation="https://example.org/orders/orders",
    tags={"subject": "orders"},
)
def orders(order_events: dm.Events) -> dm.Projection:
    """Take each placed order, and whether it was cancelled; late events restate the day they belong to."""
    order = dm.entity(
        "order_id",
        placed_at=dm.first(OrderPlaced="time"),
        customer_id=dm.first(OrderPlaced="customer_id"),
        channel=dm.first(OrderPlaced="channel"),
        item_count=dm.first(OrderPlaced="list_sum(list_transform(lines, lambda line: line.quantity))"),
        total_eur=dm.first(OrderPlaced="total_eur"),
        cancellations=dm.count("OrderCancelled"),
    )
    return dm.projection(
        order_events,
        of=order,
        where="placed_at IS NOT NULL",
        columns={"order_date": "CAST(placed_at AS DATE)", "is_cancelled": "cancellations > 0"},
    )
