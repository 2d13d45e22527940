"""The mesh as SQLMesh has it: models by time range or full, the 23 rules as audits."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.exports import RAW_DAILY, raw_path
from benchmarks.peers.products import PRODUCTS, Product, filled

AUDITS = {
    "sales.customers": [
        "unique_values(columns=(customer_id))",
        "accepted_values(column=country, is_in=('NL', 'DE', 'FR', 'BE', 'PL'))",
        "forall(criteria=(regexp_matches(email, '^[^@]+@[^@]+$')))",
    ],
    "sales.products": ["unique_values(columns=(product_id))", "forall(criteria=(price_eur > 0))"],
    "sales.orders": [
        "unique_values(columns=(order_id))",
        "not_null(columns=(customer_id))",
        "forall(criteria=(amount_eur >= 0, qty BETWEEN 1 AND 20))",
        "accepted_values(column=status, is_in=('paid', 'refunded', 'cancelled'))",
        "product_id_known",
    ],
    "sales.revenue_by_category_day": [
        "forall(criteria=(revenue_eur >= 0))",
        "unique_combination_of_columns(columns=(day, category))",
        "reconciles",
    ],
    "fulfilment.shipments": [
        "not_null(columns=(order_id))",
        "accepted_values(column=carrier, is_in=('dhl', 'ups', 'postnl', 'gls'))",
        "forall(criteria=(coalesce(delivered_at >= shipped_at, true)))",
    ],
    "fulfilment.timelines": ["unique_values(columns=(order_id))", "forall(criteria=(coalesce(hours_to_ship >= 0, true)))"],
    "marketing.campaign_conversion": ["forall(criteria=(conversion_rate BETWEEN 0 AND 1))"],
    "customer.purchase_patterns": ["unique_values(columns=(customer_id))", "forall(criteria=(n_orders >= 1))"],
    "customer.segments": ["accepted_values(column=segment, is_in=('none', 'vip', 'loyal', 'regular'))"],
}
OWN_AUDITS = """AUDIT (name product_id_known);
SELECT product_id FROM @this_model WHERE product_id NOT IN (SELECT product_id FROM sales.products);
AUDIT (name reconciles);
SELECT 1
FROM (SELECT sum(revenue_eur) AS eur FROM @this_model WHERE day BETWEEN @start_date AND @end_date) AS sold,
    (SELECT sum(amount_eur) AS eur FROM sales.orders WHERE status <> 'cancelled' AND day BETWEEN @start_date AND @end_date) AS ordered
WHERE abs(sold.eur - ordered.eur) > 0.005;
"""
CONFIG = """import os
from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig

config = Config(
    gateways={"mesh": GatewayConfig(connection=DuckDBConnectionConfig(database=os.environ["OUT"] + "/mesh.db"))},
    default_gateway="mesh",
    model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2026-01-01"),
    disable_anonymized_analytics=True,
)
"""
_DAYS = "day BETWEEN @start_date AND @end_date"


def write_sqlmesh_project(folder: Path, raw: str) -> None:
    """Write the whole project to `folder`; it reads the files below `raw`."""
    for name in ("models", "audits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config.py").write_text(CONFIG, encoding="utf-8")
    (folder / "audits" / "own.sql").write_text(OWN_AUDITS, encoding="utf-8")
    for name, product in PRODUCTS.items():
        (folder / "models" / f"{name}.sql").write_text(_model(name, product, raw), encoding="utf-8")


def _model(name: str, product: Product, raw: str) -> str:
    daily = product.kind == "daily"
    sql = filled(product.sql, lambda other: _relation(other, product, raw))
    said = [
        f"name {name}",
        f"kind {'INCREMENTAL_BY_TIME_RANGE (time_column day)' if daily else 'FULL'}",
        "cron '@daily'",
        f"columns ({', '.join(f'{column} {kind}' for column, kind in product.columns.items())})",
        *([f"audits ({', '.join(AUDITS[name])})"] if name in AUDITS else []),
        *(["depends_on (sales.products)"] if name == "sales.orders" else []),  # only its audit reads them
    ]
    casts = ", ".join(f"{column}::{kind} AS {column}" for column, kind in product.columns.items())
    return f"MODEL ({', '.join(said)});\nSELECT {casts} FROM ({sql}) AS q{f' WHERE {_DAYS}' if daily else ''}\n"


def _relation(name: str, reader: Product, raw: str) -> str:
    """What a model reads: a daily one only the days it is run for."""
    domain, short = name.split(".")
    if domain == "raw" and short not in RAW_DAILY:
        return f"read_parquet('{raw_path(raw, short)}')"
    rows = f"read_parquet('{raw_path(raw, short)}', hive_partitioning=true)" if domain == "raw" else name
    daily = reader.kind == "daily" and (domain == "raw" or PRODUCTS[name].kind == "daily")
    return f"(SELECT * FROM {rows} WHERE {_DAYS})" if daily else rows
