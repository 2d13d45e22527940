"""What each category sold a day: what orders publishes for finance."""

from datetime import date
from decimal import Decimal

import dagmesh as dm


class RevenueByCategory(dm.Contract):
    """One row per category and day on which orders were placed."""

    order_date: date = dm.field(key=True, description="UTC day on which the orders were placed.")
    category: str = dm.field(key=True, description="Top-level category of the shop's catalogue.")
    order_count: int = dm.field(ge=1, unit="orders", description="Orders with a line in the category, cancelled ones excluded.")
    item_count: int = dm.field(ge=1, unit="items", description="Items sold.")
    revenue_eur: Decimal = dm.field(ge=0, unit="EUR", description="Gross revenue; returns are not subtracted.")


@dm.data_product(
    contract=RevenueByCategory,
    version="1.0.1",
    serves=["finance"],
    promise=dm.Promise(available_by="06:30", max_lag="24h", min_completeness=0.98),
    partitioned_by="order_date",
    documentation="https://example.org/orders/revenue_by_category",
    tags={"subject": "revenue"},
    price=dm.Price(Decimal("0.05"), "EUR", "read"),
)
def revenue_by_category(order_events: dm.Events) -> dm.Projection:
    """Sum the lines of the orders placed, cancelled ones left out."""
    order = dm.entity(
        "order_id",
        placed_at=dm.first(OrderPlaced="time"),
        lines=dm.first(OrderPlaced="lines"),
        cancellations=dm.count("OrderCancelled"),
    )
    return dm.projection(
        order_events,
        of=order,
        each="lines AS line",
        where="cancellations = 0",
        by={"order_date": "CAST(placed_at AS DATE)", "category": "line.category"},
        columns={
            "order_count": dm.count_distinct("order_id"),
            "item_count": dm.sum("line.quantity"),
            "revenue_eur": dm.sum("line.quantity * line.unit_price_eur"),
        },
    )
