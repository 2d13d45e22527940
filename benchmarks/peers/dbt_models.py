"""The mesh as dbt has it: incremental models by day with enforced contracts, the 23 rules as data tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.peers.exports import RAW_DAILY, raw_path
from benchmarks.peers.products import PRODUCTS, Product, filled

Test = str | dict[str, Any]
_INCREMENTAL = "materialized='incremental', incremental_strategy='delete+insert', unique_key='day', on_schema_change='fail'"


def accepted(*values: str) -> Test:
    """dbt's own test of a closed list."""
    return {"accepted_values": {"arguments": {"values": list(values)}}}


def holds(name: str, expression: str) -> Test:
    """The project's test of a condition that every row fulfils."""
    return {"holds": {"name": name, "arguments": {"expression": expression}}}


# Product -> column ("" for the model itself) -> tests. The last of the 23, `reconciles`, is a file of the project.
TESTS: dict[str, dict[str, list[Test]]] = {
    "customers": {
        "customer_id": ["unique"],
        "country": [accepted("NL", "DE", "FR", "BE", "PL")],
        "": [holds("email_matches", "regexp_matches(email, '^[^@]+@[^@]+$')")],
    },
    "products": {"product_id": ["unique"], "": [holds("price_eur_gt_0", "price_eur > 0")]},
    "orders": {
        "order_id": ["unique"],
        "customer_id": ["not_null"],
        "status": [accepted("paid", "refunded", "cancelled")],
        "product_id": [{"relationships": {"arguments": {"to": "ref('products')", "field": "product_id"}}}],
        "": [holds("amount_eur_ge_0", "amount_eur >= 0"), holds("qty_1_to_20", "qty BETWEEN 1 AND 20")],
    },
    "revenue_by_category_day": {
        "": [holds("revenue_eur_ge_0", "revenue_eur >= 0"), {"unique_together": {"arguments": {"key": "day, category"}}}]
    },
    "shipments": {
        "order_id": ["not_null"],
        "carrier": [accepted("dhl", "ups", "postnl", "gls")],
        "": [holds("delivered_after_shipped", "coalesce(delivered_at >= shipped_at, true)")],
    },
    "timelines": {"order_id": ["unique"], "": [holds("hours_to_ship_ge_0", "coalesce(hours_to_ship >= 0, true)")]},
    "campaign_conversion": {"": [holds("conversion_rate_0_to_1", "conversion_rate BETWEEN 0 AND 1")]},
    "purchase_patterns": {"customer_id": ["unique"], "": [holds("n_orders_ge_1", "n_orders >= 1")]},
    "segments": {"segment": [accepted("none", "vip", "loyal", "regular")]},
}


def write_dbt_project(folder: Path, raw: str) -> None:
    """Write the whole project to `folder`; it reads the files below `raw`."""
    shutil.copytree(Path(__file__).parent / "dbt_project", folder, dirs_exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    for name, product in PRODUCTS.items():
        model = name.split(".")[1]
        config = _INCREMENTAL if product.kind == "daily" else "materialized='table'"
        casts = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in product.columns.items())
        sql = filled(product.sql, lambda other, p=product: _relation(other, p, raw))
        (folder / "models" / f"{model}.sql").write_text(f"{{{{ config({config}) }}}}\nSELECT {casts} FROM ({sql})\n", encoding="utf-8")
    models = [_described(name.split(".")[1], product) for name, product in PRODUCTS.items()]
    (folder / "models" / "schema.yml").write_text(json.dumps({"version": 2, "models": models}), encoding="utf-8")


def _relation(name: str, reader: Product, raw: str) -> str:
    """What a model reads: in an incremental run of a daily model only the day it is run for."""
    domain, short = name.split(".")
    if domain != "raw":
        daily = reader.kind == "daily" and PRODUCTS[name].kind == "daily"
        only = "{% if is_incremental() %} WHERE day = DATE '{{ var('day') }}'{% endif %}" if daily else ""
        return f"(SELECT * FROM {{{{ ref('{short}') }}}}{only})"
    if short not in RAW_DAILY:
        return f"read_parquet('{raw_path(raw, short)}')"
    day = "{% if is_incremental() %}{{ var('day') }}{% else %}*{% endif %}"
    return f"read_parquet('{raw_path(raw, short, day)}', hive_partitioning=true)"


def _described(model: str, product: Product) -> dict[str, Any]:
    tests = TESTS.get(model, {})
    columns = [{"name": c, "data_type": kind, "data_tests": tests.get(c, [])} for c, kind in product.columns.items()]
    return {"name": model, "columns": columns, "data_tests": tests.get("", [])}
