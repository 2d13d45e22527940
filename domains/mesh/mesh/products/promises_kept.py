"""Which promises were kept: each product at the moment its day was due, by its signed publications."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class PromisesKept(dm.Contract):
    """One row per product, major and day on which its promise was due; none before it was first published."""

    due_date: date = dm.field(key=True, description="UTC day on which the promise was due.")
    product: str = dm.field(key=True, description="The product, as domain and name.")
    major: int = dm.field(key=True, ge=0, description="The product's major.")
    owner: str = dm.field(description="Who answers for the product.")
    due_at: datetime = dm.field(description="The moment at which it was due; of a product without days the day's end.")
    is_kept: bool = dm.field(description="Whether it was as fresh and as complete as promised.")
    state: str = dm.field(description="The same in words.")
    newest_day: date | None = dm.field(description="The newest day that the product covered then.")
    published_at: datetime = dm.field(description="When its newest snapshot of then was published.")
    completeness_share: float = dm.field(ge=0.0, le=1.0, unit="share", description="Share of complete records of that snapshot.")


@dm.data_product(
    contract=PromisesKept,
    version="1.0.0",
    serves=["customers", "finance", "grocery", "logistics", "marketing", "orders", "risk"],
    promise=dm.Promise(available_by="04:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="due_date",
    documentation="https://example.org/mesh/promises_kept",
    tags={"subject": "mesh"},
)
def promises_kept(promises: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Name what was due and how it stood."""
    return dm.sql(
        """
        SELECT day AS due_date, product, major, owner, due_at, is_kept, words AS state, newest_day, published_at,
            completeness AS completeness_share
        FROM promises
        """,
        promises=promises,
    )
