"""Which segment each customer is in: what the customer domain publishes for marketing."""

from typing import Literal

import duckdb

import dagmesh as dm


class Segments(dm.Contract):
    """One row per customer."""

    customer_id: int = dm.field(classification="pseudonymous", description="Number of the customer.")
    country: str = dm.field(description="Country of the customer's address.")
    n_orders: int = dm.field(unit="orders", description="Orders paid or refunded.")
    n_touches: int = dm.field(unit="touches", description="Contacts of campaigns with the customer.")
    segment: Literal["none", "vip", "loyal", "regular"] = dm.field(description="By what was spent, then by how often.")


@dm.data_product(
    contract=Segments,
    version="1.0.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    reads={"touches": "marketing.touches@1", "customers": "sales.customers@1"},
)
def segments(
    purchase_patterns: duckdb.DuckDBPyRelation, touches: duckdb.DuckDBPyRelation, customers: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """Bring purchases and contacts together."""
    return dm.sql(
        """
        WITH touched AS (
            SELECT customer_id, count(*) AS n_touches FROM touches GROUP BY customer_id
        )
        SELECT
            c.customer_id,
            c.country,
            coalesce(p.n_orders, 0) AS n_orders,
            coalesce(t.n_touches, 0) AS n_touches,
            CASE
                WHEN p.n_orders IS NULL THEN 'none'
                WHEN p.total_eur >= 6000 THEN 'vip'
                WHEN p.n_orders >= 20 THEN 'loyal'
                ELSE 'regular'
            END AS segment
        FROM customers AS c
        LEFT JOIN purchase_patterns AS p USING (customer_id)
        LEFT JOIN touched AS t USING (customer_id)
        """,
        purchase_patterns=purchase_patterns,
        touches=touches,
        customers=customers,
    )
