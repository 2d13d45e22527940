"""What each customer buys, how often and for how much: what orders publishes for marketing."""

from decimal import Decimal

import duckdb

import dagmesh as dm


class PurchasePatterns(dm.Contract):
    """One row per customer and category over the last 90 days."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the buyer.")
    category: str = dm.field(key=True, description="Top-level category of the shop's catalogue.")
    orders_90d: int = dm.field(ge=1, unit="orders", description="Orders placed, cancelled ones excluded.")
    spend_90d_eur: Decimal = dm.field(ge=0, unit="EUR", description="Gross spend, returned orders subtracted.")


@dm.data_product(
    contract=PurchasePatterns,
    version="1.2.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="08:00", max_lag="24h", min_completeness=0.98),
    reads={"order_events": dm.read("order_events", days=90)},
    documentation="https://example.org/orders/purchase_patterns",
    tags={"subject": "orders"},
)
def purchase_patterns(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Count and sum each customer's orders by category."""
    return dm.sql(
        """
        WITH ended AS (
            SELECT order_id, bool_or(type = 'OrderCancelled') AS is_cancelled, bool_or(type = 'OrderReturned') AS is_returned
            FROM order_events WHERE type IN ('OrderCancelled', 'OrderReturned') GROUP BY order_id
        ),
        lines AS (
            SELECT order_id, customer_id, unnest(lines) AS line FROM order_events WHERE type = 'OrderPlaced'
        )
        SELECT
            customer_id,
            line.category AS category,
            count(DISTINCT order_id) AS orders_90d,
            coalesce(sum(line.quantity * line.unit_price_eur) FILTER (NOT coalesce(is_returned, false)), 0) AS spend_90d_eur
        FROM lines LEFT JOIN ended USING (order_id)
        WHERE NOT coalesce(is_cancelled, false)
        GROUP BY customer_id, category
        """,
        order_events=order_events,
    )
