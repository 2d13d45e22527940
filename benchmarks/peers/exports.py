"""The files that everyone reads: orders, shipments and touches a day, customers, products and campaigns whole.

Nothing is drawn by chance: every value is a hash of the row's number, so that one size gives the same files everywhere.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST = date(2026, 1, 1)
PRODUCTS, CAMPAIGNS = 5_000, 40
# Where each file, or folder of files a day, is handed over.
RAW = {
    "customers": "sales/customers",
    "products": "sales/products",
    "orders": "sales/orders",
    "shipments": "fulfilment/shipments",
    "campaigns": "marketing/campaigns",
    "touches": "marketing/touches",
}
RAW_DAILY = ("orders", "shipments", "touches")


def raw_path(raw: str, name: str, day: str = "*") -> str:
    """The file of a source, or the pattern of its files, below the folder `raw`."""
    return f"{raw}/{RAW[name]}/day={day}/p.parquet" if name in RAW_DAILY else f"{raw}/{RAW[name]}.parquet"


def day_number(number: int) -> date:
    """The day of that number, from 0."""
    return FIRST + timedelta(days=number)


def write_exports(folder: Path, orders: int, days: int) -> None:
    """Write the whole files, and the daily ones of `days` days and of one day more; `orders` are those of the `days` days.

    A customer places 25 orders in them, a shipment belongs to 19 of 20 orders, a touch comes on 20 orders.
    """
    con = duckdb.connect(config={"preserve_insertion_order": True})
    per_day, customers = orders // days, max(orders // 25, 100)
    _write(con, f"SELECT {_CUSTOMER} FROM range(1, {customers + 1}) AS t(i)", raw_path(str(folder), "customers"))
    _write(con, f"SELECT {_PRODUCT} FROM range(1, {PRODUCTS + 1}) AS t(i)", raw_path(str(folder), "products"))
    _write(con, f"SELECT {_CAMPAIGN} FROM range(1, {CAMPAIGNS + 1}) AS t(i)", raw_path(str(folder), "campaigns"))
    for number in range(days + 1):
        day = day_number(number)
        placed = f"SELECT {_order(day, customers)} FROM range({number * per_day}, {(number + 1) * per_day}) AS t(i)"
        touches = max(per_day // 20, 1)
        touched = f"SELECT {_touch(day, customers)} FROM range({number * touches}, {(number + 1) * touches}) AS t(i)"
        shipped = f"SELECT {_SHIPMENT} FROM ({placed}) WHERE {_hash('order_id', 25)} % 20 <> 0"
        for name, sql in (("orders", placed), ("shipments", shipped), ("touches", touched)):
            _write(con, sql, raw_path(str(folder), name, str(day)))


def _write(con: duckdb.DuckDBPyConnection, sql: str, path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    con.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")


def _hash(value: str, salt: int) -> str:
    """A number below 2^31 that looks like chance: two steps of Lehmer's generator."""
    return f"(((({value}) * 2654435761 + {salt} * 40503) % 4294967291) * 48271 % 2147483647)"


_CUSTOMER = f"""i AS customer_id, 'c' || i || '@example.org' AS email, ['NL', 'DE', 'FR', 'BE', 'PL'][1 + {_hash("i", 1)} % 5] AS country,
    DATE '2024-01-01' + CAST({_hash("i", 2)} % 700 AS INT) AS signup_day"""
_PRODUCT = f"""CAST(i AS INT) AS product_id, 'cat' || ({_hash("i", 3)} % 25) AS category,
    CAST(1 + {_hash("i", 4)} % 20000 / 100.0 AS DECIMAL(10,2)) AS price_eur"""
_CAMPAIGN = f"""CAST(i AS INT) AS campaign_id, ['mail', 'ads', 'social'][1 + i % 3] AS channel,
    CAST(500 + {_hash("i", 5)} % 5000 AS DECIMAL(10,2)) AS budget_eur"""
_LEFT = f"ordered_at + to_minutes(30 + {_hash('order_id', 22)} % 2880)"
_SHIPMENT = f"""order_id, ['dhl', 'ups', 'postnl', 'gls'][1 + {_hash("order_id", 21)} % 4] AS carrier, {_LEFT} AS shipped_at,
    CASE WHEN {_hash("order_id", 23)} % 50 <> 0 THEN {_LEFT} + to_minutes(600 + {_hash("order_id", 24)} % 5000) END AS delivered_at"""


def _order(day: date, customers: int) -> str:
    return f"""i + 1 AS order_id, 1 + {_hash("i", 11)} % {customers} AS customer_id,
        CAST(1 + {_hash("i", 12)} % {PRODUCTS} AS INT) AS product_id, CAST(1 + {_hash("i", 13)} % 5 AS INT) AS qty,
        CAST(1 + {_hash("i", 14)} % 20000 / 100.0 AS DECIMAL(10,2)) AS unit_price_eur,
        ['paid', 'paid', 'paid', 'paid', 'refunded', 'cancelled', 'test'][1 + ({_hash("i", 15)} % 70) // 11] AS status,
        ['web', 'app', 'store'][1 + {_hash("i", 16)} % 3] AS channel,
        TIMESTAMP '{day}' + to_seconds({_hash("i", 17)} % 86400) AS ordered_at"""


def _touch(day: date, customers: int) -> str:
    return f"""i + 1 AS touch_id, 1 + {_hash("i", 31)} % {customers} AS customer_id,
        CAST(1 + {_hash("i", 32)} % {CAMPAIGNS} AS INT) AS campaign_id,
        TIMESTAMP '{day}' + to_seconds({_hash("i", 33)} % 86400) AS touched_at"""
