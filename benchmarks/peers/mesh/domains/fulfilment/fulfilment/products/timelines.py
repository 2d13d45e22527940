"""How long each order took to leave and to arrive."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class Timelines(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, description="Number of the order.")
    day: date = dm.field(description="UTC day on which the order was placed.")
    ordered_at: datetime = dm.field(description="When the order was placed, UTC.")
    carrier: str | None = dm.field(description="Who carries it; NULL as long as it was not shipped.")
    shipped_at: datetime | None = dm.field(description="When it left the warehouse, UTC.")
    delivered_at: datetime | None = dm.field(description="When it was handed over, UTC.")
    hours_to_ship: float | None = dm.field(ge=0, unit="hours", description="From the order to its leaving.")
    hours_to_deliver: float | None = dm.field(unit="hours", description="From the order to its handing over.")


@dm.data_product(
    contract=Timelines,
    version="1.0.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    reads={"orders": "sales.orders@1"},
    partitioned_by="day",
)
def timelines(orders: duckdb.DuckDBPyRelation, shipments: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Lay each order beside its shipment."""
    return dm.sql(
        """
        SELECT
            o.order_id,
            o.day,
            o.ordered_at,
            s.carrier,
            s.shipped_at,
            s.delivered_at,
            -- What date_diff('minute', ...) counts; of moments it asks a calendar about every row, which costs sixty times as much.
            CAST((epoch_us(s.shipped_at) // 60000000 - epoch_us(o.ordered_at) // 60000000) / 60.0 AS DOUBLE) AS hours_to_ship,
            CAST((epoch_us(s.delivered_at) // 60000000 - epoch_us(o.ordered_at) // 60000000) / 60.0 AS DOUBLE) AS hours_to_deliver
        FROM orders AS o
        LEFT JOIN shipments AS s ON s.order_id = o.order_id AND s.day = o.day
        """,
        orders=orders,
        shipments=shipments,
    )
