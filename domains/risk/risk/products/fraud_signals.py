"""Orders far above the buyer's habit soon after a change of address: what risk publishes for orders."""

from datetime import date
from decimal import Decimal

import duckdb

import dagmesh as dm


class FraudSignals(dm.Contract):
    """One row per suspicious order placed on the day; none on a quiet day."""

    order_id: str = dm.field(key=True, description="The order's number.")
    order_date: date = dm.field(description="UTC day on which the order was placed.")
    customer_id: str = dm.field(classification="pseudonymous", description="Stable pseudonym of the buyer.")
    total_eur: Decimal = dm.field(gt=0, unit="EUR", description="Price of the order, gross.")
    usual_eur: Decimal = dm.field(
        gt=0, unit="EUR", description="Median order of the buyer in the 30 days before, or else of everyone on the day."
    )
    times_usual: float = dm.field(ge=4.0, unit="times", description="How many times the usual order it is.")
    hours_since_move: float = dm.field(ge=0.0, le=72.0, unit="hours", description="Since the buyer's address changed.")


@dm.data_product(
    contract=FraudSignals,
    version="1.0.0",
    serves=["orders"],
    promise=dm.Promise(available_by="07:00", max_lag="24h", min_completeness=0.98),
    reads={
        "orders": dm.read("orders.orders@1", days=31),
        "profiles": "customers.profiles@1",
    },
    partitioned_by="order_date",
    documentation="https://example.org/risk/fraud_signals",
    tags={"subject": "fraud"},
)
def fraud_signals(orders: duckdb.DuckDBPyRelation, profiles: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Compare each order placed within three days of a move with what is usual."""
    return dm.sql(
        """
        WITH moved AS (
            SELECT o.*, date_diff('minute', p.address_changed_at, o.placed_at) / 60.0::DOUBLE AS hours_since_move
            FROM orders o JOIN profiles p USING (customer_id)
            WHERE o.placed_at >= p.address_changed_at AND o.placed_at < p.address_changed_at + INTERVAL 72 HOUR
        ),
        own AS (
            SELECT m.order_id, median(o.total_eur) AS usual_eur
            FROM moved m JOIN orders o ON o.customer_id = m.customer_id
                AND o.placed_at < m.placed_at AND o.order_date >= m.order_date - 30
            GROUP BY m.order_id
        ),
        everyones AS (SELECT order_date, median(total_eur) AS usual_eur FROM orders GROUP BY order_date),
        compared AS (
            SELECT m.*, coalesce(own.usual_eur, everyones.usual_eur)::DECIMAL(18,2) AS usual_eur
            FROM moved m JOIN everyones USING (order_date) LEFT JOIN own USING (order_id)
        )
        SELECT order_id, order_date, customer_id, total_eur, usual_eur,
            (total_eur / usual_eur)::DOUBLE AS times_usual, hours_since_move
        FROM compared
        WHERE usual_eur > 0 AND total_eur >= 4 * usual_eur
        """,
        orders=orders,
        profiles=profiles,
    )
