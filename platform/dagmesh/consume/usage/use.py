"""Use: who reads a product, how often and how much, by consumer; and what the consumers owe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.audit.literals import text
from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.usage.reads import Reads
from dagmesh.model.address import Address
from dagmesh.sql import sql

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Use:
    """What one consumer read of one product since a moment.

    `rows` are those that its reads covered (where a row filter leaves that unknown, those handed out), `size_bytes` what went over the
    wire, `principals` how many people and programs asked in its name. `refused` reads are not among `reads`.
    """

    product: str
    major: int | None
    consumer: str
    reads: int
    refused: int
    rows: int
    size_bytes: int
    principals: int
    last_read: datetime | None


@dataclass(frozen=True)
class BillLine:
    """What one consumer owes for one product in a month: `amount` of `currency`, charged for each `per`."""

    month: date
    consumer: str
    product: str
    major: int
    per: str
    currency: str
    reads: int
    rows: int
    amount: Decimal


_USE = """
SELECT product, major, reader, count(*) FILTER (decision = 'allowed'), count(*) FILTER (decision = 'refused'),
    coalesce(sum(coalesce(covered, served, 0)) FILTER (decision = 'allowed'), 0)::BIGINT,
    coalesce(sum(size_bytes) FILTER (decision = 'allowed'), 0)::BIGINT,
    count(DISTINCT principal), max(read_at) FILTER (decision = 'allowed')
FROM reads WHERE read_at >= TIMESTAMPTZ '{since}' AND {wanted}
GROUP BY product, major, reader ORDER BY product, major, count(*) DESC, reader
"""
_BILL = """
SELECT DATE '{month}', reader, product, major, per, currency, count(*), sum(coalesce(covered, served, 0))::BIGINT, sum(charge)
FROM reads WHERE charge IS NOT NULL AND {wanted}
GROUP BY reader, product, major, per, currency ORDER BY reader, product, major, per, currency
"""


def use_of(home: Path, address: Address | None, since: datetime) -> list[Use]:
    """Who read a product (without a major: any of its majors; None: each product) since a moment, the busiest first.

    The use of a product is for its owner; who may see another's is for the caller to say.

    Raises:
        MeshError: the log of reads has a hole.
    """
    wanted = "true" if address is None else f"product = {text(address.name)}"
    if address and address.major is not None:
        wanted += f" AND major = {address.major}"
    first = since.astimezone(UTC).date() - timedelta(days=1)  # of a query that began before midnight
    with _rows(home, first, datetime.now(UTC).date()) as reads:
        rows = sql(_USE.format(since=since.isoformat(), wanted=wanted), reads=reads).fetchall()
    return [Use(*row) for row in rows]


def bill_of(home: Path, month: date, domain: str | None = None) -> list[BillLine]:
    """What each consumer owes for the reads of a month; `domain`: only what it owes, or is owed.

    Raises:
        MeshError: the log of reads has a hole.
    """
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    wanted = "true" if domain is None else f"{text(domain)} IN (reader, split_part(product, '.', 1))"
    with _rows(home, first, last) as reads:
        rows = sql(_BILL.format(month=first, wanted=wanted), reads=reads).fetchall()
    return [BillLine(*row) for row in rows]


@contextmanager
def _rows(home: Path, first: date, last: date) -> Iterator[duckdb.DuckDBPyRelation]:
    import duckdb

    with closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        yield Reads(con, ReadLog(home)).rows(first, last)
