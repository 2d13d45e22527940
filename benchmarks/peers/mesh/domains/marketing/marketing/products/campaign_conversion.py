"""How many of a campaign's contacts were followed by a paid order within a week, and what those came to."""

from decimal import Decimal

import duckdb

import dagmesh as dm


class CampaignConversion(dm.Contract):
    """One row per campaign."""

    campaign_id: int = dm.field(description="Number of the campaign.")
    channel: str = dm.field(description="How it reaches people.")
    budget_eur: Decimal = dm.field(unit="EUR", description="What it may cost.")
    n_touches: int = dm.field(unit="touches", description="Contacts with customers.")
    n_conversions: int = dm.field(unit="touches", description="Those that a paid order followed.")
    attributed_eur: Decimal = dm.field(unit="EUR", description="Amounts of these orders; one may follow several contacts.")
    conversion_rate: float = dm.field(ge=0, le=1, description="Contacts that a paid order followed, as a share of all.")


@dm.data_product(
    contract=CampaignConversion,
    version="1.0.0",
    serves=["sales"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    reads={"orders": "sales.orders@1"},
)
def campaign_conversion(
    touches: duckdb.DuckDBPyRelation, orders: duckdb.DuckDBPyRelation, campaigns: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """Join each contact with the paid orders of the week after it."""
    return dm.sql(
        """
        WITH followed AS (
            SELECT t.touch_id, any_value(t.campaign_id) AS campaign_id, sum(o.amount_eur) AS amount_eur
            FROM touches AS t
            JOIN orders AS o
                ON o.customer_id = t.customer_id AND o.ordered_at >= t.touched_at AND o.ordered_at < t.touched_at + INTERVAL 7 DAY
            WHERE o.status = 'paid'
            GROUP BY t.touch_id
        ),
        touched AS (
            SELECT campaign_id, count(*) AS n_touches FROM touches GROUP BY campaign_id
        ),
        converted AS (
            SELECT campaign_id, count(*) AS n_conversions, sum(amount_eur) AS amount_eur FROM followed GROUP BY campaign_id
        )
        SELECT
            c.campaign_id,
            c.channel,
            c.budget_eur,
            n_touches,
            coalesce(n_conversions, 0) AS n_conversions,
            CAST(coalesce(amount_eur, 0) AS DECIMAL(18, 2)) AS attributed_eur,
            CAST(coalesce(n_conversions, 0) / n_touches AS DOUBLE) AS conversion_rate
        FROM campaigns AS c
        JOIN touched USING (campaign_id)
        LEFT JOIN converted USING (campaign_id)
        """,
        touches=touches,
        orders=orders,
        campaigns=campaigns,
    )
