"""What each customer bought so far, how much of it and how often."""

from datetime import date
from decimal import Decimal

import duckdb

import dagmesh as dm


class PurchasePatterns(dm.Contract):
    """One row per customer with a paid or refunded order."""

    customer_id: int = dm.field(key=True, classification="pseudonymous", description="Number of the customer.")
    n_orders: int = dm.field(ge=1, unit="orders", description="Orders paid or refunded.")
    total_eur: Decimal = dm.field(unit="EUR", description="Amounts of these orders.")
    mean_amount: float = dm.field(description="Mean amount of an order in euros; a mean is not exact.")
    first_day: date = dm.field(description="UTC day of the first of them.")
    last_day: date = dm.field(description="UTC day of the last of them.")
    n_products: int = dm.field(unit="products", description="Different products ordered.")
    mean_gap_days: float | None = dm.field(unit="days", description="Mean time between two orders; NULL after one.")


@dm.data_product(
    contract=PurchasePatterns,
    version="1.0.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    reads={"orders": "sales.orders@1"},
)
def purchase_patterns(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Count and sum each customer's orders."""
    return dm.sql(
        """
        SELECT
            customer_id,
            count(*) AS n_orders,
            CAST(sum(amount_eur) AS DECIMAL(18, 2)) AS total_eur,
            CAST(avg(amount_eur) AS DOUBLE) AS mean_amount,
            min(day) AS first_day,
            max(day) AS last_day,
            count(DISTINCT product_id) AS n_products,
            CASE WHEN count(*) > 1 THEN CAST(date_diff('day', min(day), max(day)) / (count(*) - 1) AS DOUBLE) END AS mean_gap_days
        FROM orders
        WHERE status IN ('paid', 'refunded')
        GROUP BY customer_id
        """,
        orders=orders,
    )
