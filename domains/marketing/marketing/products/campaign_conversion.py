"""How many recipients of each newsletter campaign bought within a week: newsletter and orders brought together."""

from datetime import date, datetime
from decimal import Decimal

import duckdb

import dagmesh as dm


class NeededOrders(dm.Contract):
    """One row per order: what attribution relies on."""

    customer_id: str = dm.field(classification="pseudonymous", description="The same pseudonym as in the newsletter tool.")
    placed_at: datetime = dm.field(description="UTC; decides whether an order falls within the 7 days.")
    total_eur: Decimal = dm.field(ge=0, unit="EUR", description="Gross; a negative order would hide the others' revenue.")
    is_cancelled: bool = dm.field(description="Cancelled orders do not convert.")


class CampaignConversion(dm.Contract):
    """One row per newsletter campaign of the last 90 days."""

    campaign_id: str = dm.field(key=True, description="Name of the campaign, with the day it was sent.")
    topic: str = dm.field(description="What the campaign was about.")
    sent_date: date = dm.field(description="UTC day on which the campaign was sent.")
    recipient_count: int = dm.field(ge=1, unit="customers", description="Customers it was sent to.")
    buyer_count: int = dm.field(
        ge=0,
        le=dm.column("recipient_count"),
        unit="customers",
        description="Recipients who ordered within 7 days, cancelled orders excluded.",
    )
    conversion_share: float = dm.field(ge=0.0, le=1.0, unit="share", description="Buyers among the recipients.")
    revenue_eur: Decimal = dm.field(ge=0, unit="EUR", description="What the buyers ordered within the 7 days, gross.")


@dm.data_product(
    contract=CampaignConversion,
    version="1.1.0",
    serves=["finance", "orders"],
    promise=dm.Promise(available_by="08:00", max_lag="24h", min_completeness=0.98),
    reads={
        "newsletter_events": dm.read("newsletter_events", days=90),
        "orders": dm.read("orders.orders@1", days=90, expects=NeededOrders, max_lag="24h", purpose="Campaign attribution."),
    },
    documentation="https://example.org/marketing/campaign_conversion",
    tags={"subject": "newsletter"},
)
def campaign_conversion(newsletter_events: dm.Events, orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Match each mail with the recipient's orders of the next 7 days."""
    return dm.sql(
        """
        WITH mails AS (
            SELECT campaign_id, customer_id, min(topic) AS topic, min(time) AS sent_at
            FROM sent GROUP BY campaign_id, customer_id
        ),
        bought AS (
            SELECT campaign_id, mails.customer_id, sum(total_eur) AS spent_eur
            FROM mails JOIN orders ON orders.customer_id = mails.customer_id
                AND placed_at >= sent_at AND placed_at < sent_at + INTERVAL 7 DAY
            WHERE NOT is_cancelled
            GROUP BY campaign_id, mails.customer_id
        )
        SELECT
            campaign_id,
            min(topic) AS topic,
            CAST(min(sent_at) AS DATE) AS sent_date,
            count(*) AS recipient_count,
            count(spent_eur) AS buyer_count,
            count(spent_eur) / count(*) AS conversion_share,
            coalesce(sum(spent_eur), 0) AS revenue_eur
        FROM mails LEFT JOIN bought USING (campaign_id, customer_id)
        GROUP BY campaign_id
        """,
        sent=newsletter_events.of("CampaignSent"),
        orders=orders,
    )
