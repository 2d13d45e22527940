"""Which campaigns there are and what they may cost."""

from decimal import Decimal

import duckdb

import dagmesh as dm


class Campaigns(dm.Contract):
    """One row per campaign."""

    campaign_id: int = dm.field(description="Number of the campaign.")
    channel: str = dm.field(description="How it reaches people.")
    budget_eur: Decimal = dm.field(unit="EUR", description="What it may cost.")


@dm.data_product(
    contract=Campaigns,
    version="1.0.0",
    serves=["sales"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    documentation="https://example.org/marketing/campaigns",
)
def campaigns(campaign_records: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take the campaigns as the tool has them."""
    return dm.sql(
        """
        SELECT campaign_id, channel, budget_eur FROM campaign_records
        """,
        campaign_records=campaign_records,
    )
