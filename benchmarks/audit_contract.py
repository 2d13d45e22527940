"""One contract of twelve columns in dagmesh's words and in Pandera's, for pandas and for Polars: 24 of Pandera's rules.

Pandera counts a range as one rule where dagmesh has two, so that the same demands are 27 rules here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import duckdb

import dagmesh as dm
from dagmesh.model.contract import Contract
from dagmesh.model.domain import Product

COUNTRIES = ["DE", "FR", "US", "GB", "IT", "ES", "PL", "NL", "BE", "AT", "CH", "SE", "NO", "DK", "FI", "PT", "IE", "CZ", "HU", "RO"]
STATES = ["new", "paid", "packed", "shipped", "delivered", "returned"]
CURRENCIES = ["EUR", "USD", "GBP", "CHF", "SEK"]
EMAIL, SKU = r"^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$", r"^SKU-[0-9]{6}$"
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)


class Orders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, ge=1, description="Number.")
    customer_id: int = dm.field(ge=1, description="Customer.")
    email: str = dm.field(matches=EMAIL, min_length=6, max_length=254, description="Address.")
    country: str = dm.field(isin=COUNTRIES, description="Country.")
    status: str = dm.field(isin=STATES, description="State.")
    currency: str = dm.field(isin=CURRENCIES, description="Currency.")
    amount: Annotated[Decimal, dm.digits(12, 2)] = dm.field(ge=0, le=100_000, description="Amount.")
    qty: int = dm.field(ge=1, le=1000, description="Pieces.")
    discount: float | None = dm.field(ge=0, le=1, description="Share.")
    created_at: datetime = dm.field(ge=BEGAN, description="When.")
    shipped_at: datetime | None = dm.field(ge=dm.column("created_at"), description="When.")
    sku: str = dm.field(matches=SKU, description="Article.")


class Codes(dm.Contract):
    """One row per code."""

    code: str = dm.field(key=True, description="Code.")


def declared(contract: type[Contract]) -> Product:
    """A product of the contract."""
    promise, about = dm.Promise(), {"owner": "team:shop", "description": "Orders there were.", "name": "orders"}
    made = dm.data_product(contract=contract, version="1.0.0", serves=[], promise=promise, **about)(nothing)
    return made.in_domain("shop", "team:shop", None)


def nothing() -> duckdb.DuckDBPyRelation:
    """Give nothing."""
    raise NotImplementedError


def panderas(library: Any, shipped_after_created: Any) -> Any:
    """The same as a schema of `pandera.pandas` or `pandera.polars`; the comparison of two columns differs between them."""
    check, column = library.Check, library.Column
    return library.DataFrameSchema(
        {
            "order_id": column(None, check.ge(1), unique=True),
            "customer_id": column(None, check.ge(1)),
            "email": column(None, [check.str_matches(EMAIL), check.str_length(6, 254)]),
            "country": column(None, check.isin(COUNTRIES)),
            "status": column(None, check.isin(STATES)),
            "currency": column(None, check.isin(CURRENCIES)),
            "amount": column(None, check.in_range(Decimal(0), Decimal(100_000))),
            "qty": column(None, check.in_range(1, 1000)),
            "discount": column(None, check.in_range(0.0, 1.0), nullable=True),
            "created_at": column(None, check.ge(BEGAN)),
            "shipped_at": column(None, nullable=True),
            "sku": column(None, check.str_matches(SKU)),
        },
        checks=library.Check(shipped_after_created),
    )


# How each column's good values are made, and the bad one that one row in 200 gets in bad data.
VALUES = {
    "order_id": ("(i + 1)::BIGINT", "(i // 2)::BIGINT"),
    "customer_id": ("(h2 % 500000)::BIGINT + 1", "-1"),
    "email": ("'user' || (h2 % 500000) || '@mail' || (h3 % 50) || '.example.com'", "'user' || (h2 % 500000) || ' at mail'"),
    "country": (f"{COUNTRIES}[(h % 20)::INT + 1]", "'XX'"),
    "status": (f"{STATES}[(h3 % 6)::INT + 1]", "NULL"),
    "currency": (f"{CURRENCIES}[(h2 % 5)::INT + 1]", "'EURO'"),
    "amount": ("((h3 % 1000000) / 100.0)::DECIMAL(12,2)", "(-5)::DECIMAL(12,2)"),
    "qty": ("(h % 1000)::BIGINT + 1", "5000"),
    "discount": ("CASE WHEN h2 % 10 >= 3 THEN (h3 % 100) / 100.0 END::DOUBLE", "1.5"),
    "created_at": ("TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds((h % 63072000)::BIGINT)", "TIMESTAMPTZ '2010-01-01 00:00:00+00'"),
    "shipped_at": (
        "CASE WHEN h3 % 4 > 0 THEN TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds((h % 63072000 + h2 % 864000)::BIGINT) END",
        "TIMESTAMPTZ '2009-01-01 00:00:00+00'",
    ),
    "sku": ("'SKU-' || lpad((h2 % 100000)::VARCHAR, 6, '0')", "'BAD'"),
}
# A column with wide values of its own for each row, keys in no order, and every second row of one customer: not tuned for.
UNSEEN = {
    "order_id": ("(i * 7919 % 100_000_007)::BIGINT + 1", ""),
    "customer_id": ("CASE WHEN h % 2 = 0 THEN 1 ELSE (h2 % 5000000)::BIGINT + 1 END", ""),
    "email": ("md5(h::VARCHAR) || '.' || md5(h2::VARCHAR) || '.' || i || '@mail' || (h3 % 5000) || '.example.com'", ""),
}


def rows_sql(rows: int, shape: str) -> str:
    """A SELECT of so many rows, `good`, `bad` (6 % break one rule each) or `unseen` (good)."""
    values = VALUES | (UNSEEN if shape == "unseen" else {})
    made = (
        f"CASE WHEN h % 200 = {place} THEN {bad} ELSE {good} END" if shape == "bad" else good
        for place, (good, bad) in enumerate(values.values())
    )
    columns = ", ".join(f"{value} AS {name}" for name, value in zip(values, made, strict=True))
    return f"SELECT {columns} FROM (SELECT range AS i, hash(range) AS h, hash(range + 7) AS h2, hash(range + 13) AS h3 FROM range({rows}))"
