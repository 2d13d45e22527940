"""Every order, on the day it was placed: what sales publishes for all who plan by orders."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import duckdb

import dagmesh as dm


class Orders(dm.Contract):
    """One row per order, test orders left out."""

    order_id: int = dm.field(key=True, description="Number of the order.")
    customer_id: int = dm.field(classification="pseudonymous", description="Number of the buyer.")
    product_id: int = dm.field(description="Number of the product, if it is one on sale.")
    qty: int = dm.field(ge=1, le=20, description="Pieces ordered.")
    amount_eur: Decimal = dm.field(ge=0, unit="EUR", description="Pieces times their price, gross.")
    status: Literal["paid", "refunded", "cancelled"] = dm.field(description="What became of the order.")
    channel: str = dm.field(description="Where the order was placed.")
    ordered_at: datetime = dm.field(description="When the order was placed, UTC.")
    day: date = dm.field(description="UTC day on which the order was placed.")


@dm.data_product(
    contract=Orders,
    version="1.0.0",
    serves=["customer", "fulfilment", "marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="day",
)
def orders(order_records: duckdb.DuckDBPyRelation, products: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Price each order and look its product up."""
    return dm.sql(
        """
        SELECT
            o.order_id,
            o.customer_id,
            p.product_id, -- none of an unknown product, which the contract refuses: the reference check
            o.qty,
            CAST(o.qty * o.unit_price_eur AS DECIMAL(18, 2)) AS amount_eur,
            o.status,
            o.channel,
            make_timestamptz(epoch_us(o.ordered_at)) AS ordered_at,
            CAST(o.ordered_at AS DATE) AS day
        FROM order_records AS o
        LEFT JOIN products AS p USING (product_id)
        WHERE o.status <> 'test'
        """,
        order_records=order_records,
        products=products,
    )
