"""How fast each carrier was, by the day of the order."""

from datetime import date

import duckdb

import dagmesh as dm


class CarrierSlaDay(dm.Contract):
    """One row per day and carrier."""

    day: date = dm.field(description="UTC day on which the order was placed.")
    carrier: str = dm.field(description="Who carries.")
    n_orders: int = dm.field(unit="orders", description="Orders carried.")
    mean_hours_to_ship: float = dm.field(unit="hours", description="From order to leaving, on average.")
    mean_hours_to_deliver: float | None = dm.field(unit="hours", description="From order to handing over, on average.")
    late_share: float = dm.field(description="Share of the orders that took more than 72 hours.")


@dm.data_product(
    contract=CarrierSlaDay,
    version="1.0.0",
    serves=["sales"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="day",
)
def carrier_sla_day(timelines: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Average the timelines."""
    return dm.sql(
        """
        SELECT
            day,
            carrier,
            count(*) AS n_orders,
            avg(hours_to_ship) AS mean_hours_to_ship,
            avg(hours_to_deliver) AS mean_hours_to_deliver,
            avg(CASE WHEN hours_to_deliver > 72 THEN 1.0 ELSE 0.0 END) AS late_share
        FROM timelines
        WHERE carrier IS NOT NULL
        GROUP BY day, carrier
        """,
        timelines=timelines,
    )
