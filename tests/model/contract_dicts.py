"""A described product for the diff's tests, and short words to change a copy of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import duckdb
import pandas as pd

import dagmesh as dm

Described = dict[str, Any]


class Patterns(dm.Contract):
    """One row per customer and category, over the last 90 days."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the buyer.")
    category: str = dm.field(key=True, description="Top-level category of the shop's catalogue.")
    day: date = dm.field(ge=date(2024, 1, 1), description="UTC day.")
    seen_at: datetime = dm.field(description="Last order.")
    orders_90d: int = dm.field(ge=1, le=1000, unit="orders", description="Orders placed.")
    spend_90d_eur: Annotated[Decimal, dm.digits(18, 2)] = dm.field(
        ge=dm.rule(Decimal("0.00"), severity="warn", max_failing=0.02), unit="EUR", description="Gross spend."
    )
    paid_eur: Annotated[Decimal, dm.digits(18, 2)] = dm.field(le=dm.column("spend_90d_eur"), unit="EUR", description="Paid.")
    level: Literal["gold", "silver"] = dm.field(description="Level.")
    code: str = dm.field(
        unique=True, matches=r"[A-Z]+\d", startswith="SKU", endswith="1", min_length=4, max_length=9, notin=["SKU1"], description="Code."
    )
    channel: str = dm.field(isin=["app", "web"], contains="[a-z]", description="Channel.")
    note: str | None = dm.field(description="Note.")
    email: str = dm.field(classification="pii", purpose="Newsletter.", mask="hash", description="Address.")
    area: str = dm.field(classification="public", declassified="Only the first digits.", description="Area.")

    @dm.check("orders_90d", description="Most buyers come back.", max_failing=0.1)
    def most_come_back(cls, orders_90d: pd.Series) -> pd.Series:
        return orders_90d > 1


@dm.data_product(
    contract=Patterns,
    version="1.2.0",
    serves=["marketing", "risk"],
    promise=dm.Promise(available_by="08:00", timezone="Europe/Vienna", max_lag="24h", min_completeness=0.95, retention="400d"),
    partitioned_by="day",
    name="purchase_patterns",
    owner="team:orders",
    description="What each customer buys.",
    documentation="https://example.org/patterns",
    tags={"tier": "gold"},
    support="orders@example.org",
    price=dm.Price(Decimal("100.00")),
    sunset=date(2027, 6, 30),
    accepts=["marketing.segments"],
)
def purchase_patterns(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return order_events


PRODUCT = purchase_patterns.in_domain("orders", "team:orders", None)


def patterns(change: Callable[[Described], object] = lambda product: None) -> Described:
    """The product described, changed."""
    product = copy.deepcopy(PRODUCT.describe())
    change(product)
    return product


def column(product: Described, name: str) -> Described:
    found: Described = next(column for column in product["contract"]["columns"] if column["name"] == name)
    return found


def rule(product: Described, name: str) -> Described:
    found: Described = next(rule for rule in product["contract"]["rules"] if rule["name"] == name)
    return found


def without_column(product: Described, name: str) -> None:
    contract = product["contract"]
    contract["columns"] = [column for column in contract["columns"] if column["name"] != name]
    contract["rules"] = [rule for rule in contract["rules"] if name not in rule["columns"]]


def without_rule(product: Described, name: str) -> None:
    rules = product["contract"]["rules"]
    rules.remove(rule(product, name))


def with_column(product: Described, name: str, **said: Any) -> None:
    plain = {"type": "VARCHAR", "logical_type": "string", "description": "New.", "classification": "internal"}
    product["contract"]["columns"].append({"name": name, **plain, "nullable": False, "key": False, **said})
    product["contract"]["rules"].append({"name": f"{name}__not_null", "kind": "not_null", "columns": [name], "severity": "error"})


def with_rule(product: Described, column: str, kind: str, value: Any = None) -> None:
    said = {"name": f"{column}__{kind}", "kind": kind, "columns": [column], "severity": "error"}
    said |= {} if value is None else {"value": value}
    product["contract"]["rules"].append(said)


def renamed_column(product: Described, old: str, new: str) -> None:
    """The column under another name everywhere, as in a changed file."""
    for said in product["contract"]["columns"]:
        said["name"] = new if said["name"] == old else said["name"]
    for said in product["contract"]["rules"]:
        owner, _, rest = said["name"].partition("__")
        said["name"] = f"{new}__{rest}" if owner == old else said["name"].replace(f"__le_{old}", f"__le_{new}")
        said["columns"] = [new if name == old else name for name in said["columns"]]
        if said.get("value") == {"column": old}:
            said["value"] = {"column": new}
    product["partitioned_by"] = new if product["partitioned_by"] == old else product["partitioned_by"]
