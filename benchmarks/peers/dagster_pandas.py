"""The mesh in plain Dagster as its guides teach it: pandas, the DuckDB IO manager, and asset checks that run Pandera.

Environment: RAW, the files; OUT, where the database goes.
"""

import os
from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pandera.pandas as pa
from benchmarks.peers.exports import raw_path
from dagster_duckdb_pandas import DuckDBPandasIOManager

RAW, OUT = os.environ["RAW"], os.environ["OUT"]
DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2027-01-01")


def asset(domain: str, *, daily: bool = False, **ins: str) -> Callable[..., Any]:
    """A product: `ins` are parameter -> domain of the product of that name that it reads."""
    by_day: dict[str, Any] = {"partitions_def": DAYS, "metadata": {"partition_expr": "day"}} if daily else {}
    return dg.asset(
        key_prefix=[domain],
        group_name=domain,
        io_manager_key="io",
        backfill_policy=dg.BackfillPolicy.single_run(),
        ins={name: dg.AssetIn([of, name]) for name, of in ins.items()},
        **by_day,
    )


def handed_over(context: dg.AssetExecutionContext, name: str) -> pd.DataFrame:
    """The files of the run's days, with the day each belongs to."""
    frames = [pd.read_parquet(raw_path(RAW, name, day)).assign(day=pd.Timestamp(day)) for day in context.partition_keys]
    return pd.concat(frames, ignore_index=True)


@asset("sales")
def customers() -> pd.DataFrame:
    """Every customer."""
    return pd.read_parquet(raw_path(RAW, "customers"))


@asset("sales")
def products() -> pd.DataFrame:
    """Every product on sale."""
    return pd.read_parquet(raw_path(RAW, "products"))


@asset("sales", daily=True)
def orders(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """The day's orders, test orders left out, with their amounts."""
    found = handed_over(context, "orders")
    found = found[found.status != "test"].copy()
    found["amount_eur"] = found.qty * found.unit_price_eur.astype(float)
    return found[["order_id", "customer_id", "product_id", "qty", "amount_eur", "status", "channel", "ordered_at", "day"]]


@asset("sales", daily=True, orders="sales", products="sales")
def revenue_by_category_day(orders: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """The day's revenue by category."""
    sold = orders[orders.status != "cancelled"].merge(products, on="product_id")
    by_category = sold.groupby(["day", "category"], as_index=False)
    return by_category.agg(revenue_eur=("amount_eur", "sum"), n_orders=("order_id", "size"), n_customers=("customer_id", "nunique"))


@asset("fulfilment", daily=True)
def shipments(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """The shipments of the day's orders."""
    return handed_over(context, "shipments")


@asset("fulfilment", daily=True, orders="sales", shipments="fulfilment")
def timelines(orders: pd.DataFrame, shipments: pd.DataFrame) -> pd.DataFrame:
    """Each order beside its shipment."""
    both = orders[["order_id", "day", "ordered_at"]].merge(shipments.drop(columns="day"), on="order_id", how="left")
    both["hours_to_ship"] = (both.shipped_at - both.ordered_at).dt.total_seconds() / 3600
    both["hours_to_deliver"] = (both.delivered_at - both.ordered_at).dt.total_seconds() / 3600
    return both


@asset("fulfilment", daily=True, timelines="fulfilment")
def carrier_sla_day(timelines: pd.DataFrame) -> pd.DataFrame:
    """How fast each carrier was."""
    carried = timelines[timelines.carrier.notna()].assign(late=lambda rows: (rows.hours_to_deliver > 72).astype(float))
    return carried.groupby(["day", "carrier"], as_index=False).agg(
        n_orders=("order_id", "size"),
        mean_hours_to_ship=("hours_to_ship", "mean"),
        mean_hours_to_deliver=("hours_to_deliver", "mean"),
        late_share=("late", "mean"),
    )


@asset("marketing")
def campaigns() -> pd.DataFrame:
    """Every campaign."""
    return pd.read_parquet(raw_path(RAW, "campaigns")).astype({"budget_eur": float})


@asset("marketing", daily=True)
def touches(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """The day's contacts."""
    return handed_over(context, "touches")


@asset("marketing", touches="marketing", orders="sales", campaigns="marketing")
def campaign_conversion(touches: pd.DataFrame, orders: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
    """Contacts that a paid order followed within a week."""
    paid = orders.loc[orders.status == "paid", ["customer_id", "ordered_at", "amount_eur"]]
    both = touches[["touch_id", "campaign_id", "customer_id", "touched_at"]].merge(paid, on="customer_id")
    both = both[(both.ordered_at >= both.touched_at) & (both.ordered_at < both.touched_at + pd.Timedelta(days=7))]
    followed = both.groupby(["touch_id", "campaign_id"], as_index=False).amount_eur.sum().groupby("campaign_id", as_index=False)
    converted = followed.agg(n_conversions=("touch_id", "size"), attributed_eur=("amount_eur", "sum"))
    touched = touches.groupby("campaign_id", as_index=False).agg(n_touches=("touch_id", "size"))
    found = campaigns.merge(touched, on="campaign_id").merge(converted, on="campaign_id", how="left")
    found = found.fillna({"n_conversions": 0, "attributed_eur": 0.0})
    return found.assign(conversion_rate=found.n_conversions / found.n_touches)


@asset("customer", orders="sales")
def purchase_patterns(orders: pd.DataFrame) -> pd.DataFrame:
    """What each customer bought."""
    found = (
        orders[orders.status.isin(["paid", "refunded"])]
        .groupby("customer_id", as_index=False)
        .agg(
            n_orders=("order_id", "size"),
            total_eur=("amount_eur", "sum"),
            mean_amount=("amount_eur", "mean"),
            first_day=("day", "min"),
            last_day=("day", "max"),
            n_products=("product_id", "nunique"),
        )
    )
    found["mean_gap_days"] = (found.last_day - found.first_day).dt.days / (found.n_orders - 1).replace(0, np.nan)
    return found


@asset("customer", purchase_patterns="customer", touches="marketing", customers="sales")
def segments(purchase_patterns: pd.DataFrame, touches: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """Each customer's segment."""
    touched = touches.groupby("customer_id", as_index=False).agg(n_touches=("touch_id", "size"))
    found = customers[["customer_id", "country"]].merge(
        purchase_patterns[["customer_id", "n_orders", "total_eur"]], on="customer_id", how="left"
    )
    found = found.merge(touched, on="customer_id", how="left").fillna({"n_touches": 0})
    # Rounded: cents added up as floats may end just below the limit.
    choices = [found.n_orders.isna(), found.total_eur.round(2) >= 6000, found.n_orders >= 20]
    found["segment"] = np.select(choices, ["none", "vip", "loyal"], "regular")
    return found.fillna({"n_orders": 0}).drop(columns="total_eur")


C, K = pa.Column, pa.Check
SCHEMAS = {
    customers: pa.DataFrameSchema(
        {
            "customer_id": C(int, unique=True),
            "country": C(str, K.isin(["NL", "DE", "FR", "BE", "PL"])),
            "email": C(str, K.str_matches(r"^[^@]+@[^@]+$")),
        }
    ),
    products: pa.DataFrameSchema({"product_id": C(unique=True), "price_eur": C(checks=K(lambda price: price.astype(float) > 0))}),
    orders: pa.DataFrameSchema(
        {
            "order_id": C(int, unique=True),
            "customer_id": C(int),
            "amount_eur": C(float, K.ge(0)),
            "status": C(str, K.isin(["paid", "refunded", "cancelled"])),
            "qty": C(checks=K.in_range(1, 20)),
            "product_id": C(checks=K.isin(list(range(1, 5001)))),
        }
    ),
    revenue_by_category_day: pa.DataFrameSchema({"revenue_eur": C(float, K.ge(0))}, unique=["day", "category"]),
    shipments: pa.DataFrameSchema(
        {"order_id": C(), "carrier": C(str, K.isin(["dhl", "ups", "postnl", "gls"]))},
        checks=K(lambda rows: ~(rows.delivered_at < rows.shipped_at)),
    ),
    timelines: pa.DataFrameSchema({"order_id": C(unique=True), "hours_to_ship": C(float, K.ge(0), nullable=True)}),
    campaign_conversion: pa.DataFrameSchema({"conversion_rate": C(float, K.in_range(0, 1))}),
    purchase_patterns: pa.DataFrameSchema({"customer_id": C(unique=True), "n_orders": C(checks=K.ge(1))}),
    segments: pa.DataFrameSchema({"segment": C(str, K.isin(["none", "vip", "loyal", "regular"]))}),
}


def contract(asset: dg.AssetsDefinition, schema: pa.DataFrameSchema) -> dg.AssetChecksDefinition:
    """The asset check that runs a product's schema."""

    @dg.asset_check(asset=asset, name="contract", partitions_def=asset.partitions_def)
    def check(rows: pd.DataFrame) -> dg.AssetCheckResult:
        try:
            schema.validate(rows, lazy=True)
        except pa.errors.SchemaErrors as error:
            return dg.AssetCheckResult(passed=False, metadata={"failures": len(error.failure_cases)})
        return dg.AssetCheckResult(passed=True, metadata={"rows": len(rows)})

    return check


@dg.asset_check(asset=revenue_by_category_day, partitions_def=DAYS, additional_ins={"orders": dg.AssetIn(["sales", "orders"])})
def reconciles(revenue_by_category_day: pd.DataFrame, orders: pd.DataFrame) -> dg.AssetCheckResult:
    """The categories together come to what the orders do; the tolerance grows with what floats lose."""
    apart = abs(revenue_by_category_day.revenue_eur.sum() - orders.loc[orders.status != "cancelled", "amount_eur"].sum())
    return dg.AssetCheckResult(passed=bool(apart < 0.01 * max(1, len(orders) / 1e5)), metadata={"apart": float(apart)})


defs = dg.Definitions(
    assets=[*SCHEMAS, carrier_sla_day, campaigns, touches],
    asset_checks=[*(contract(asset, schema) for asset, schema in SCHEMAS.items()), reconciles],
    executor=dg.in_process_executor,
    resources={"io": DuckDBPandasIOManager(database=f"{OUT}/mesh.duckdb")},
)
