"""household_spend against pandas over the package's own data, and on receipts written by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pytest

from dagmesh import testing
from grocery.products.household_spend import household_spend


@pytest.fixture(scope="module")
def published(tables: dict[str, duckdb.DuckDBPyRelation]) -> duckdb.DuckDBPyRelation:
    return household_spend(transactions=tables["transactions"])


def test_the_total_is_the_panels_total(published: duckdb.DuckDBPyRelation, panel: dict[str, pd.DataFrame]) -> None:
    total, households, months = published.aggregate("sum(spend_usd), count(DISTINCT household_id), count(DISTINCT month)").fetchall()[0]

    assert total == Decimal(int(panel["transactions"]["sales_value_cents"].sum())) / 100 == Decimal("4596039.58")
    assert (households, months) == (panel["transactions"]["household_id"].nunique(), 12) == (2_469, 12)


def test_every_row_equals_what_pandas_computes(published: duckdb.DuckDBPyRelation, panel: dict[str, pd.DataFrame]) -> None:
    lines = panel["transactions"].merge(panel["products"][["product_id", "product_type"]], on="product_id", how="left")
    fuel = lines["product_type"] == "GASOLINE-REG UNLEADED"
    lines["month"] = [day.replace(day=1) for day in lines["day"]]
    lines["items"] = lines["quantity"].where(~fuel, 0)
    lines["fuel_cents"] = lines["sales_value_cents"].where(fuel, 0)
    lines["paid_cents"] = lines["sales_value_cents"] - lines["coupon_disc_cents"]
    lines["shelf_cents"] = lines["sales_value_cents"] + lines["retail_disc_cents"] + lines["coupon_match_disc_cents"]
    sums = lines.groupby(["household_id", "month"]).agg(
        baskets=("basket_id", "nunique"),
        items=("items", "sum"),
        spend=("sales_value_cents", "sum"),
        fuel=("fuel_cents", "sum"),
        paid=("paid_cents", "sum"),
        shelf=("shelf_cents", "sum"),
    )

    ours = published.df().set_index(["household_id", "month"]).sort_index()

    assert [(household, month.date()) for household, month in ours.index] == list(sums.index)
    assert (ours["baskets"].to_numpy() == sums["baskets"].to_numpy()).all()
    assert (ours["items"].to_numpy() == sums["items"].to_numpy()).all()
    assert (cents(ours["spend_usd"]) == sums["spend"].to_numpy()).all()
    assert (cents(ours["fuel_spend_usd"]) == sums["fuel"].to_numpy()).all()
    assert (cents(ours["discount_usd"]) == (sums["shelf"] - sums["paid"]).to_numpy()).all()
    expected_share = (1 - sums["paid"] / sums["shelf"]).to_numpy()
    assert ours["discount_share"].to_numpy() == pytest.approx(expected_share, abs=1e-12, nan_ok=True)


def cents(dollars: "pd.Series[float]") -> Any:
    return (dollars.astype("float64") * 100).round().astype("int64").to_numpy()


def test_the_rows_keep_the_contract(published: duckdb.DuckDBPyRelation) -> None:
    rows = published.to_arrow_table().to_pylist()

    testing.check(household_spend, rows)

    assert len(rows) == 24_377


def test_discounts_are_taken_off_the_shelf_price_and_fuel_is_no_item() -> None:
    groceries = {
        "household_id": 1,
        "basket_id": 7,
        "purchase_date": date(2017, 3, 31),
        "quantity": 2,
        "is_fuel": False,
        "sales_usd": Decimal("2.89"),
        "loyalty_discount_usd": Decimal("0.00"),
        "coupon_discount_usd": Decimal("0.55"),
        "coupon_match_usd": Decimal("0.45"),
    }
    nothing_off = {"coupon_discount_usd": Decimal("0.00"), "coupon_match_usd": Decimal("0.00")}
    fuel = groceries | nothing_off | {"basket_id": 8, "quantity": 11_000, "is_fuel": True, "sales_usd": Decimal("26.66")}

    rows = testing.call(household_spend, transactions=[groceries, fuel])

    assert rows == [
        {
            "household_id": 1,
            "month": date(2017, 3, 1),
            "baskets": 2,
            "items": 2,
            "spend_usd": Decimal("29.55"),
            "fuel_spend_usd": Decimal("26.66"),
            "discount_usd": Decimal("1.00"),
            "discount_share": pytest.approx(1 / 30),
        }
    ]
