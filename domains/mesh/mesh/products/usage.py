"""Every read of every product: who, through which door, of which snapshot, how much, on which grant, at which charge."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import duckdb

import dagmesh as dm

OUTCOMES = ["complete", "abandoned", "failed", "limit", "unfinished", "handed over", "refused"]


class Usage(dm.Contract):
    """One row per recorded read, allowed or refused, on the UTC day on which it began."""

    read_id: str = dm.field(key=True, description="Day and place of the read in the platform's log.")
    read_date: date = dm.field(description="UTC day on which the read's query began.")
    read_at: datetime = dm.field(description="When the read was recorded, before its first byte.")
    principal: str | None = dm.field(
        classification="pii", mask="hash", purpose="Who read what is evidence.", description="Who asked: a person, a token or a run."
    )
    consumer: str = dm.field(description="The domain in whose name it was read, or analyst.")
    door: str | None = dm.field(description="How it was read: python, cli, dagster, http, page or mcp.")
    product: str = dm.field(description="The product, as domain and name.")
    major: int | None = dm.field(ge=0, description="The product's major; none where a refused read named none.")
    snapshot: int | None = dm.field(ge=0, description="The snapshot that was read; none of a refused read.")
    columns_read: list[str] = dm.field(description="The columns whose values were handed out.")
    covered_rows: int | None = dm.field(ge=0, unit="rows", description="Rows that the read covers; unknown under a row filter.")
    served_rows: int | None = dm.field(ge=0, unit="rows", description="Rows handed out in the end, where they are counted.")
    size_bytes: int | None = dm.field(ge=0, unit="bytes", description="Bytes handed out in the end, where they are counted.")
    took_milliseconds: int | None = dm.field(ge=0, unit="milliseconds", description="From the query's begin to its end.")
    purpose: str | None = dm.field(classification="confidential", description="What the reader said that it reads for.")
    grant_file: str | None = dm.field(description="The grant on which it was read; none where the product serves the reader.")
    decision: str = dm.field(isin=["allowed", "refused"], description="Whether it was allowed.")
    refusal: str | None = dm.field(classification="confidential", description="Why it was refused.")
    statement_sha256: str | None = dm.field(matches="[0-9a-f]{64}$", description="SHA-256 of the statement's text.")
    outcome: str = dm.field(isin=OUTCOMES, description="How it ended; unfinished when its end never came.")
    charge: Annotated[Decimal, dm.digits(28, 6)] = dm.field(ge=0, description="What the read costs its consumer, in the charge's currency.")
    charge_currency: str | None = dm.field(matches="[A-Z]{3}$", description="ISO 4217 code; none where it costs nothing.")
    charged_per: str | None = dm.field(isin=["read", "1000 rows", "month"], description="What the price is for.")


@dm.data_product(
    contract=Usage,
    version="1.0.0",
    serves=["customers", "finance", "grocery", "logistics", "marketing", "orders", "risk"],
    promise=dm.Promise(available_by="04:00", max_lag="24h", min_completeness=0.98),
    partitioned_by="read_date",
    documentation="https://example.org/mesh/usage",
    tags={"subject": "mesh"},
)
def usage(reads: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Name what the log of reads says."""
    return dm.sql(
        """
        SELECT
            read_id, day AS read_date, read_at, principal, reader AS consumer, via AS door, product, major, snapshot,
            coalesce(columns, []) AS columns_read, covered AS covered_rows, served AS served_rows, size_bytes,
            milliseconds AS took_milliseconds, purpose, "grant" AS grant_file, decision, why AS refusal,
            statement AS statement_sha256, outcome, coalesce(charge, 0)::DECIMAL(28, 6) AS charge, currency AS charge_currency,
            per AS charged_per
        FROM reads
        """,
        reads=reads,
    )
