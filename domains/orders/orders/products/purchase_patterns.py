"""What each customer buys, how often and for how much: what orders publishes for marketing."""

from decimal import Decimal

import dagmesh as dm


class PurchasePatterns(dm.Contract):
    """One row per customer and category over the last 90 days."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the buyer.")
    category: str = dm.field(key=True, description="Top-level category of the shop's catalogue.")
    orders_90d: int = dm.field(ge=1, unit="orders", description="Orders placed, cancelled ones excluded.")
    spend_90d_eur: Decimal = dm.field(ge=0, unit="EUR", description="Gross spend, returned orders subtracted.")


@dm.data_product(
    contract=PurchasePatterns,
    version="1.2.1",
    serves=["marketing"],
    promise=dm.Promise(available_by="08:00", max_lag="24h", min_completeness=0.98),
    documentation="https://example.org/orders/purchase_patterns",
    tags={"subject": "orders"},
)
def purchase_patterns(order_events: dm.Events) -> dm.Projection:
    """Count and sum each customer's orders by category."""
    order = dm.entity(
        "order_id",
        customer_id=dm.first(OrderPlaced="customer_id"),
        placed_at=dm.first(OrderPlaced="time"),
        lines=dm.first(OrderPlaced="lines"),
        cancellations=dm.count("OrderCancelled"),
        returns=dm.count("OrderReturned"),
    )
    return dm.projection(
        order_events,
        of=order,
        each="lines AS line",
        where="cancellations = 0",
        within=dm.last_days(90, "placed_at"),
        by={"customer_id": "customer_id", "category": "line.category"},
        columns={
            "orders_90d": dm.count_distinct("order_id"),
            "spend_90d_eur": dm.sum("CASE WHEN returns = 0 THEN line.quantity * line.unit_price_eur END"),
        },
    )
