"""What each household spends a month, how often it shops and how much of the price it saves."""

from datetime import date
from decimal import Decimal

import duckdb

import dagmesh as dm


class HouseholdSpend(dm.Contract):
    """One row per household and calendar month in which it shopped."""

    household_id: int = dm.field(key=True, classification="pseudonymous", description="Number of the household in the panel.")
    month: date = dm.field(key=True, description="First day of the month, by the stores' clock (America/New_York).")
    baskets: int = dm.field(ge=1, unit="baskets", description="Receipts, those of filling stations included.")
    items: int = dm.field(ge=0, unit="items", description="Pieces bought; fuel is left out, its quantity is a volume.")
    spend_usd: Decimal = dm.field(
        ge=0,
        unit="USD",
        description="What the retailer received: loyalty and coupon-match discounts are off, manufacturers' coupons are not, "
        "the manufacturer refunds them.",
    )
    fuel_spend_usd: Decimal = dm.field(ge=0, le=dm.column("spend_usd"), unit="USD", description="The part of the spend that is fuel.")
    discount_usd: Decimal = dm.field(
        ge=0,
        unit="USD",
        description="What the household saved: loyalty discounts, manufacturers' coupons and the retailer's match of them.",
    )
    discount_share: float | None = dm.field(
        ge=0, le=1, description="Discounts as a share of the shelf price before them; NULL when nothing had a price."
    )


@dm.data_product(
    contract=HouseholdSpend,
    version="1.0.0",
    serves=["finance", "marketing"],
    # The panel is one closed year: it is published again when the package, the contract or this file changes.
    promise=dm.Promise(available_by="06:00", max_lag="366d", min_completeness=0.99, retention="400d"),
    documentation="https://bradleyboehmke.github.io/completejourney/articles/completejourney.html",
    tags={"subject": "spend", "data": "complete-journey"},
)
def household_spend(transactions: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum each household's receipts by month; the shelf price is what the retailer received plus what it took off itself."""
    return dm.sql(
        """
        WITH lines AS (
            SELECT
                *,
                loyalty_discount_usd + coupon_discount_usd + coupon_match_usd AS discount_usd,
                sales_usd + loyalty_discount_usd + coupon_match_usd AS shelf_usd
            FROM transactions
        )
        SELECT
            household_id,
            CAST(date_trunc('month', purchase_date) AS DATE) AS month,
            count(DISTINCT basket_id) AS baskets,
            CAST(coalesce(sum(quantity) FILTER (NOT is_fuel), 0) AS BIGINT) AS items,
            CAST(sum(sales_usd) AS DECIMAL(18, 2)) AS spend_usd,
            CAST(coalesce(sum(sales_usd) FILTER (is_fuel), 0) AS DECIMAL(18, 2)) AS fuel_spend_usd,
            CAST(sum(discount_usd) AS DECIMAL(18, 2)) AS discount_usd,
            CAST(sum(discount_usd) AS DOUBLE) / nullif(CAST(sum(shelf_usd) AS DOUBLE), 0) AS discount_share
        FROM lines
        GROUP BY ALL
        """,
        transactions=transactions,
    )
