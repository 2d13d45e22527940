"""What readers say of products, and whether the owners answered: ratings, comments and rows that are wrong."""

from datetime import date, datetime

import duckdb

import dagmesh as dm


class Feedback(dm.Contract):
    """One row per rating, comment or wrong row, on the UTC day on which it was given, with the answers it has by now."""

    feedback_id: str = dm.field(key=True, description="Identifier of the feedback.")
    given_date: date = dm.field(description="UTC day on which it was given.")
    given_at: datetime = dm.field(description="When it was given.")
    product: str = dm.field(description="The product, as domain and name.")
    major: int = dm.field(ge=0, description="The product's major.")
    snapshot: int = dm.field(ge=0, description="The snapshot that it is about.")
    author: str = dm.field(classification="pii", mask="hash", purpose="Whom the owner answers.", description="Who said it.")
    consumer: str = dm.field(description="The domain in whose name it was said, or analyst.")
    kind: str = dm.field(isin=["rating", "comment", "wrong_row"], description="What it is.")
    stars: int | None = dm.field(ge=1, le=5, unit="stars", description="The rating.")
    said: str | None = dm.field(
        classification="pii", mask="null", purpose="What the owner mends.", description="What was said: a stranger's text."
    )
    row_key: str | None = dm.field(
        classification="pii", mask="null", purpose="Which row the owner mends.", description="Key of the wrong row, as JSON."
    )
    is_open: bool = dm.field(description="Whether the owner still has to answer.")
    answer_count: int = dm.field(ge=0, unit="answers", description="Answers by now.")
    answered_at: datetime | None = dm.field(description="When it was first answered.")


@dm.data_product(
    contract=Feedback,
    version="1.0.0",
    serves=["customers", "finance", "grocery", "logistics", "marketing", "orders", "risk"],
    promise=dm.Promise(available_by="04:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="given_date",
    documentation="https://example.org/mesh/feedback",
    tags={"subject": "mesh"},
)
def feedback(said: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Name what readers said."""
    return dm.sql(
        """
        SELECT
            feedback_id, day AS given_date, given_at, product, major, snapshot, author, reader AS consumer, kind, stars,
            nullif(said."text", '') AS said, row_key, is_open, answers AS answer_count, answered_at
        FROM said
        """,
        said=said,
    )
