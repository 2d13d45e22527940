"""Who buys: what sales publishes for the customer domain."""

from datetime import date
from typing import Literal

import duckdb

import dagmesh as dm


class Customers(dm.Contract):
    """One row per customer."""

    customer_id: int = dm.field(key=True, classification="pseudonymous", description="Number of the customer.")
    email: str = dm.field(
        matches=r"[^@]+@[^@]+$", classification="pii", purpose="Send what was asked for.", mask="hash", description="Where to write to."
    )
    country: Literal["NL", "DE", "FR", "BE", "PL"] = dm.field(description="Country of the customer's address.")
    signup_day: date = dm.field(description="UTC day on which the account was opened.")


@dm.data_product(
    contract=Customers,
    version="1.0.0",
    serves=["customer", "marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    documentation="https://example.org/sales/customers",
)
def customers(customer_records: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take the customers as the shop knows them."""
    return dm.sql(
        """
        SELECT customer_id, email, country, signup_day FROM customer_records
        """,
        customer_records=customer_records,
    )
