"""What left the warehouse, with whom, and when it came."""

from datetime import date, datetime
from typing import Literal

import duckdb

import dagmesh as dm


class Shipments(dm.Contract):
    """One row per shipment."""

    order_id: int = dm.field(description="Number of the order that was shipped.")
    carrier: Literal["dhl", "ups", "postnl", "gls"] = dm.field(description="Who carries it.")
    shipped_at: datetime = dm.field(description="When it left the warehouse, UTC.")
    delivered_at: datetime | None = dm.field(
        ge=dm.column("shipped_at"), description="When it was handed over, UTC; NULL as long as it was not."
    )
    day: date = dm.field(description="UTC day on which the order was placed.")


@dm.data_product(
    contract=Shipments,
    version="1.0.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="day",
)
def shipments(shipment_records: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Say of which zone the warehouse's times are."""
    return dm.sql(
        """
        SELECT
            order_id,
            carrier,
            make_timestamptz(epoch_us(shipped_at)) AS shipped_at,
            make_timestamptz(epoch_us(delivered_at)) AS delivered_at,
            day
        FROM shipment_records
        """,
        shipment_records=shipment_records,
    )
