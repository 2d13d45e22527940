"""What each consumer owes for each product, day by day, by the price in the product's contract."""

from datetime import date
from decimal import Decimal
from typing import Annotated

import duckdb

import dagmesh as dm


class Bill(dm.Contract):
    """One row per day, consumer, product, major and price, of the reads that cost anything."""

    billed_date: date = dm.field(key=True, description="UTC day of the reads.")
    consumer: str = dm.field(key=True, description="The domain that owes it, or analyst.")
    product: str = dm.field(key=True, description="The product that was read, as domain and name.")
    major: int = dm.field(key=True, ge=0, description="The product's major.")
    charged_per: str = dm.field(key=True, isin=["read", "1000 rows", "month"], description="What the price is for.")
    currency: str = dm.field(key=True, matches="[A-Z]{3}$", description="ISO 4217 code.")
    read_count: int = dm.field(ge=1, unit="reads", description="Reads that were charged.")
    row_count: int = dm.field(ge=0, unit="rows", description="Rows that those reads cover.")
    amount: Annotated[Decimal, dm.digits(28, 6)] = dm.field(ge=0, description="What is owed, in the currency.")


@dm.data_product(
    contract=Bill,
    version="1.0.0",
    serves=["customers", "finance", "grocery", "logistics", "marketing", "orders", "risk"],
    promise=dm.Promise(available_by="04:00", max_lag="24h", min_completeness=0.98, retention="730d"),
    partitioned_by="billed_date",
    documentation="https://example.org/mesh/bill",
    tags={"subject": "mesh"},
)
def bill(usage: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Add up the charges."""
    return dm.sql(
        """
        SELECT
            read_date AS billed_date, consumer, product, major, charged_per, charge_currency AS currency,
            count(*) AS read_count, sum(coalesce(covered_rows, served_rows, 0))::BIGINT AS row_count,
            sum(charge)::DECIMAL(28, 6) AS amount
        FROM usage
        WHERE charged_per IS NOT NULL
        GROUP BY ALL
        """,
        usage=usage,
    )
