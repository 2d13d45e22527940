"""What each category sold a day, held against the orders it is made of."""

from datetime import date
from decimal import Decimal

import duckdb

import dagmesh as dm


class RevenueByCategoryDay(dm.Contract):
    """One row per day and category."""

    day: date = dm.field(key=True, description="UTC day on which the orders were placed.")
    category: str = dm.field(key=True, description="Category of the shop's catalogue.")
    revenue_eur: Decimal = dm.field(ge=0, unit="EUR", description="Amounts of the orders that were not cancelled.")
    n_orders: int = dm.field(unit="orders", description="Orders that were not cancelled.")
    n_customers: int = dm.field(unit="customers", description="Customers who placed them.")
    is_reconciled: bool = dm.field(eq=True, description="Whether the day's categories together come to what its orders do.")


@dm.data_product(
    contract=RevenueByCategoryDay,
    version="1.0.0",
    serves=[],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="day",
)
def revenue_by_category_day(orders: duckdb.DuckDBPyRelation, products: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum the orders by category, and once more without."""
    return dm.sql(
        """
        WITH sold AS (
            SELECT o.day, p.category, sum(o.amount_eur) AS revenue_eur, count(*) AS n_orders, count(DISTINCT o.customer_id) AS n_customers
            FROM orders AS o
            JOIN products AS p USING (product_id)
            WHERE o.status <> 'cancelled'
            GROUP BY o.day, p.category
        ),
        ordered AS (
            SELECT day, sum(amount_eur) AS amount_eur FROM orders WHERE status <> 'cancelled' GROUP BY day
        )
        SELECT
            day,
            category,
            CAST(revenue_eur AS DECIMAL(18, 2)) AS revenue_eur,
            n_orders,
            n_customers,
            abs(sum(revenue_eur) OVER (PARTITION BY day) - ordered.amount_eur) <= 0.005 AS is_reconciled
        FROM sold
        JOIN ordered USING (day)
        """,
        orders=orders,
        products=products,
    )
