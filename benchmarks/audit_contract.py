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


class Receipts(Orders):
    """One row per order, with a receipt."""

    receipt: str = dm.field(unique=True, description="Number of the receipt, different in each row.")


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
