"""What is on sale, in which category and at which price."""

from decimal import Decimal

import duckdb

import dagmesh as dm


class Products(dm.Contract):
    """One row per product."""

    product_id: int = dm.field(key=True, description="Number of the product.")
    category: str = dm.field(description="Category of the shop's catalogue.")
    price_eur: Decimal = dm.field(gt=0, unit="EUR", description="Price of one piece, gross.")


@dm.data_product(
    contract=Products,
    version="1.0.0",
    serves=["marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    documentation="https://example.org/sales/products",
)
def products(product_records: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take the products as the catalogue has them."""
    return dm.sql(
        """
        SELECT product_id, category, price_eur FROM product_records
        """,
        product_records=product_records,
    )
