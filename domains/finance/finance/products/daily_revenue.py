"""What the shop earned each day, gross and net of value-added tax: what finance publishes for everyone who plans."""

from datetime import date
from decimal import Decimal

import duckdb

import dagmesh as dm


class DailyRevenue(dm.Contract):
    """One row per day on which orders were placed."""

    order_date: date = dm.field(key=True, description="UTC day on which the orders were placed.")
    category_count: int = dm.field(ge=1, unit="categories", description="Categories that sold anything.")
    gross_eur: Decimal = dm.field(ge=0, unit="EUR", description="Revenue with value-added tax.")
    net_eur: Decimal = dm.field(ge=0, le=dm.column("gross_eur"), unit="EUR", description="Revenue without value-added tax of 21 %.")
    best_category: str = dm.field(description="The category with the highest revenue.")


@dm.data_product(
    contract=DailyRevenue,
    version="1.0.0",
    serves=["marketing", "orders"],
    promise=dm.Promise(available_by="07:00", max_lag="24h", min_completeness=0.98),
    reads={"revenue": "orders.revenue_by_category@1"},
    partitioned_by="order_date",
    documentation="https://example.org/finance/daily_revenue",
    tags={"subject": "revenue"},
)
def daily_revenue(revenue: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum the categories of each day."""
    return dm.sql(
        """
        SELECT
            order_date,
            count(*) AS category_count,
            sum(revenue_eur) AS gross_eur,
            round(sum(revenue_eur) * 100 / 121, 2)::DECIMAL(18,2) AS net_eur,
            arg_max(category, revenue_eur) AS best_category
        FROM revenue
        GROUP BY order_date
        """,
        revenue=revenue,
    )
