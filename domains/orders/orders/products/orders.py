"""Every order, on the day it was placed: what orders publishes for marketing and risk."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import duckdb

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
    version="1.0.0",
    serves=["marketing", "risk"],
    accepts=["marketing.campaign_conversion"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    reads={"order_events": dm.read("order_events", late_days=3)},
    partitioned_by="order_date",
    documentation="https://example.org/orders/orders",
    tags={"subject": "orders"},
)
def orders(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take each placed order, and what was cancelled of them; late events restate the day they belong to."""
    return dm.sql(
        """
        SELECT
            order_id,
            CAST(occurred_at AS DATE) AS order_date,
            occurred_at AS placed_at,
            customer_id,
            channel,
            list_sum(list_transform(lines, lambda line: line.quantity)) AS item_count,
            total_eur,
            order_id IN (SELECT order_id FROM order_events WHERE type = 'OrderCancelled') AS is_cancelled
        FROM order_events
        WHERE type = 'OrderPlaced'
        """,
        order_events=order_events,
    )
