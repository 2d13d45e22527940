"""Whom a campaign touched, and when."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class Touches(dm.Contract):
    """One row per contact of a campaign with a customer."""

    touch_id: int = dm.field(description="Number of the contact.")
    customer_id: int = dm.field(classification="pseudonymous", description="Number of the customer.")
    campaign_id: int = dm.field(description="Number of the campaign.")
    touched_at: datetime = dm.field(description="When it was, UTC.")
    day: date = dm.field(description="UTC day of the contact.")


@dm.data_product(
    contract=Touches,
    version="1.0.0",
    serves=["customer"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="day",
)
def touches(touch_records: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Date each contact."""
    return dm.sql(
        """
        SELECT touch_id, customer_id, campaign_id, make_timestamptz(epoch_us(touched_at)) AS touched_at, CAST(touched_at AS DATE) AS day
        FROM touch_records
        """,
        touch_records=touch_records,
    )
