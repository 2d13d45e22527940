"""What each category sold a day: what orders publishes for finance."""

from datetime import date
from decimal import Decimal

import duckdb

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
    version="1.0.0",
    serves=["finance"],
    promise=dm.Promise(available_by="06:30", max_lag="24h", min_completeness=0.98),
    reads={"order_events": dm.read("order_events", late_days=3)},
    partitioned_by="order_date",
    documentation="https://example.org/orders/revenue_by_category",
    tags={"subject": "revenue"},
)
def revenue_by_category(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum the lines of the orders placed, cancelled ones left out."""
    return dm.sql(
        """
        WITH lines AS (
            SELECT order_id, CAST(occurred_at AS DATE) AS order_date, unnest(lines) AS line
            FROM order_events
            WHERE type = 'OrderPlaced'
                AND order_id NOT IN (SELECT order_id FROM order_events WHERE type = 'OrderCancelled')
        )
        SELECT
            order_date,
            line.category AS category,
            count(DISTINCT order_id) AS order_count,
            sum(line.quantity) AS item_count,
            sum(line.quantity * line.unit_price_eur) AS revenue_eur
        FROM lines
        GROUP BY order_date, category
        """,
        order_events=order_events,
    )
