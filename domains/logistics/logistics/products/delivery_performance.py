"""How punctual each carrier is in each region, day by day: what logistics publishes for orders and marketing."""

from datetime import date
from typing import Literal

import duckdb

import dagmesh as dm


class NeededTimelines(dm.Contract):
    """One row per delivered order: what punctuality relies on."""

    order_id: str = dm.field(unique=True, description="Joined with the parcels.")
    delivered_date: date = dm.field(description="UTC day, held against the promised one.")
    hours_to_deliver: float = dm.field(ge=0.0, unit="hours", description="Averaged.")


class DeliveryPerformance(dm.Contract):
    """One row per carrier, region and day of delivery."""

    delivered_date: date = dm.field(key=True, description="UTC day on which the parcels were delivered.")
    carrier: Literal["dhl", "ups", "postnl", "gls"] = dm.field(key=True, description="Who carried the parcels.")
    region: str = dm.field(key=True, description="Where they were delivered, country and part of it.")
    parcel_count: int = dm.field(ge=1, unit="parcels", description="Parcels delivered.")
    on_time_share: float = dm.field(ge=0.0, le=1.0, unit="share", description="Share of the parcels delivered by the promised day.")
    mean_hours_to_deliver: float = dm.field(ge=0.0, unit="hours", description="From the order to the delivery, on average.")


@dm.data_product(
    contract=DeliveryPerformance,
    version="1.0.0",
    serves=["orders", "marketing"],
    promise=dm.Promise(available_by="07:00", max_lag="24h", min_completeness=0.97),
    reads={
        "timelines": dm.read("orders.fulfillment_timelines@1", expects=NeededTimelines, purpose="Punctuality of the carriers."),
        "parcel_events": dm.read("parcel_events", days=31, late_days=2),
    },
    partitioned_by="delivered_date",
    documentation="https://example.org/logistics/delivery_performance",
    tags={"subject": "delivery"},
)
def delivery_performance(timelines: duckdb.DuckDBPyRelation, parcel_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Hold each delivery against the day its carrier promised."""
    return dm.sql(
        """
        WITH parcels AS (
            SELECT order_id, any_value(carrier) AS carrier, any_value(region) AS region, min(promised_on) AS promised_on
            FROM parcel_events WHERE type = 'ParcelHandedOver' GROUP BY order_id
        )
        SELECT
            delivered_date,
            carrier,
            region,
            count(*) AS parcel_count,
            avg((delivered_date <= promised_on)::INTEGER) AS on_time_share,
            avg(hours_to_deliver) AS mean_hours_to_deliver
        FROM timelines JOIN parcels USING (order_id)
        GROUP BY delivered_date, carrier, region
        """,
        timelines=timelines,
        parcel_events=parcel_events,
    )
