"""Every publication of every product: when, which version, how much, how complete, how many checks."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class Publications(dm.Contract):
    """One row per publication that its domain signed."""

    product: str = dm.field(key=True, description="The product, as domain and name.")
    major: int = dm.field(key=True, ge=0, description="The product's major.")
    snapshot: int = dm.field(key=True, ge=0, description="The snapshot's number.")
    published_date: date = dm.field(description="UTC day of the publication.")
    published_at: datetime = dm.field(description="When its run began to publish.")
    kind: str = dm.field(isin=["publish", "rollback", "expire"], description="Why there is a new snapshot.")
    version: str = dm.field(description="The contract's version.")
    owner: str = dm.field(description="Who answers for the product.")
    run_id: str = dm.field(description="The run that made it.")
    reason: str | None = dm.field(description="Why, where that is not plain.")
    published_days: int = dm.field(ge=0, unit="days", description="Days that it published; none of a product without days.")
    newest_day: date | None = dm.field(description="The newest day that the snapshot covers.")
    row_count: int = dm.field(ge=0, unit="rows", description="Rows of the whole snapshot.")
    completeness_share: float = dm.field(ge=0.0, le=1.0, unit="share", description="Share of complete records.")
    check_count: int = dm.field(ge=0, unit="checks", description="Rules that were checked.")
    failed_check_count: int = dm.field(ge=0, unit="checks", description="Rules that failed and only warn.")
    took_seconds: float = dm.field(ge=0.0, unit="seconds", description="How long the run worked on it.")


@dm.data_product(
    contract=Publications,
    version="1.0.0",
    serves=["customers", "finance", "grocery", "logistics", "marketing", "orders", "risk"],
    promise=dm.Promise(available_by="04:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="published_date",
    documentation="https://example.org/mesh/publications",
    tags={"subject": "mesh"},
)
def publications(signed_publications: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Name what the signed publications say."""
    return dm.sql(
        """
        SELECT
            product, major, snapshot, day AS published_date, published_at, kind, version, owner, run_id,
            nullif(reason, '') AS reason, published_days, newest_day, row_count, completeness AS completeness_share,
            checks AS check_count, failed_checks AS failed_check_count, seconds AS took_seconds
        FROM publications
        """,
        publications=signed_publications,
    )
