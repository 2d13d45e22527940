"""How many of the households that a campaign was sent to redeemed its coupons, and what they all spent meanwhile."""

from datetime import date
from decimal import Decimal
from typing import Literal

import duckdb

import dagmesh as dm


class CouponConversion(dm.Contract):
    """One row per campaign."""

    campaign_id: int = dm.field(key=True, description="Number of the campaign in the panel.")
    campaign_type: Literal["A", "B", "C"] = dm.field(
        description="A: each household got 16 coupons picked from a pool by what it had bought before. "
        "B and C: each household got every coupon of the campaign."
    )
    start_date: date = dm.field(description="First day on which the coupons were valid, by the stores' clock.")
    end_date: date = dm.field(ge=dm.column("start_date"), description="Last day on which the coupons were valid.")
    is_fully_observed: bool = dm.field(
        description="The panel covers every day of the campaign; where it does not, redemptions and spend are those of the covered days."
    )
    targeted_households: int = dm.field(ge=1, unit="households", description="Households that the campaign was sent to.")
    redeeming_households: int = dm.field(
        ge=0, le=dm.column("targeted_households"), unit="households", description="Those of them that redeemed a coupon of the campaign."
    )
    redemptions: int = dm.field(ge=dm.column("redeeming_households"), unit="coupons", description="Coupons of the campaign redeemed.")
    conversion_share: float = dm.field(ge=0, le=1, description="Redeeming households as a share of the targeted ones.")
    spend_usd: Decimal = dm.field(
        ge=0,
        unit="USD",
        description="What the retailer received from the targeted households during the campaign, with coupons or without; "
        "campaigns overlap, so it does not add up over campaigns.",
    )


@dm.data_product(
    contract=CouponConversion,
    version="1.0.0",
    serves=["marketing"],
    # The panel is one closed year: it is published again when the package, the contract or this file changes.
    promise=dm.Promise(available_by="06:00", max_lag="366d", min_completeness=0.99, retention="400d"),
    documentation="https://bradleyboehmke.github.io/completejourney/articles/completejourney.html",
    tags={"subject": "campaigns", "data": "complete-journey"},
)
def coupon_conversion(
    campaigns: duckdb.DuckDBPyRelation,
    campaign_households: duckdb.DuckDBPyRelation,
    coupon_redemptions: duckdb.DuckDBPyRelation,
    transactions: duckdb.DuckDBPyRelation,
) -> duckdb.DuckDBPyRelation:
    """Count each campaign's households and redemptions, and sum what its households bought while it ran."""
    return dm.sql(
        """
        WITH panel AS (
            SELECT min(purchase_date) AS first_date, max(purchase_date) AS last_date FROM transactions
        ),
        daily_spend AS (
            SELECT household_id, purchase_date, sum(sales_usd) AS sales_usd FROM transactions GROUP BY ALL
        ),
        targeted AS (
            SELECT campaign_id, count(DISTINCT sent.household_id) AS targeted_households, sum(sales_usd) AS spend_usd
            FROM campaigns
            JOIN campaign_households AS sent USING (campaign_id)
            LEFT JOIN daily_spend ON daily_spend.household_id = sent.household_id AND purchase_date BETWEEN start_date AND end_date
            GROUP BY campaign_id
        ),
        redeemed AS (
            SELECT campaign_id, count(DISTINCT household_id) AS redeeming_households, count(*) AS redemptions
            FROM coupon_redemptions
            GROUP BY campaign_id
        )
        SELECT
            campaign_id,
            campaign_type,
            start_date,
            end_date,
            start_date >= first_date AND end_date <= last_date AS is_fully_observed,
            targeted_households,
            coalesce(redeeming_households, 0) AS redeeming_households,
            coalesce(redemptions, 0) AS redemptions,
            coalesce(redeeming_households, 0) / targeted_households AS conversion_share,
            CAST(coalesce(spend_usd, 0) AS DECIMAL(18, 2)) AS spend_usd
        FROM campaigns
        CROSS JOIN panel
        LEFT JOIN targeted USING (campaign_id)
        LEFT JOIN redeemed USING (campaign_id)
        """,
        campaigns=campaigns,
        campaign_households=campaign_households,
        coupon_redemptions=coupon_redemptions,
        transactions=transactions,
    )
