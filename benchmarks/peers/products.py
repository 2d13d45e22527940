"""The mesh that everyone builds, once: 12 products as SQL in DuckDB's dialect, their columns, and their 23 rules.

Run by the limit and by every peer in an environment of its own, so it needs nothing but Python. dagmesh's own files of
the same products are in `mesh/`; that all of them come to the same rows is checked after every build.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Product:
    """One product: `reference` (whole, from a file that seldom changes), `daily`, or `whole` (made anew of all days).

    In `sql` and in the rules' SQL `{domain.name}` stands for a product, `{raw.name}` for the files handed over. `columns` are
    names and DuckDB types; `rules` are names and aggregates that count violations.
    """

    kind: Literal["reference", "daily", "whole"]
    columns: dict[str, str]
    sql: str
    rules: dict[str, str]


def unique(key: str) -> str:
    """The aggregate that counts the rows too many of a key."""
    return f"count(*) - count(DISTINCT {key})"


def failing(condition: str) -> str:
    """The aggregate that counts the rows that fulfil a condition."""
    return f"count(*) FILTER ({condition})"


PRODUCTS: dict[str, Product] = {
    "sales.customers": Product(
        "reference",
        {"customer_id": "BIGINT", "email": "VARCHAR", "country": "VARCHAR", "signup_day": "DATE"},
        "SELECT customer_id, email, country, signup_day FROM {raw.customers}",
        {
            "customer_id_unique": unique("customer_id"),
            "country_accepted": failing("country IS NULL OR country NOT IN ('NL', 'DE', 'FR', 'BE', 'PL')"),
            "email_matches": failing("NOT regexp_matches(email, '^[^@]+@[^@]+$')"),
        },
    ),
    "sales.products": Product(
        "reference",
        {"product_id": "BIGINT", "category": "VARCHAR", "price_eur": "DECIMAL(18,2)"},
        "SELECT product_id, category, price_eur FROM {raw.products}",
        {"product_id_unique": unique("product_id"), "price_eur_gt_0": failing("price_eur <= 0")},
    ),
    "sales.orders": Product(
        "daily",
        {
            "order_id": "BIGINT",
            "customer_id": "BIGINT",
            "product_id": "BIGINT",
            "qty": "BIGINT",
            "amount_eur": "DECIMAL(18,2)",
            "status": "VARCHAR",
            "channel": "VARCHAR",
            "ordered_at": "TIMESTAMP",
            "day": "DATE",
        },
        """
        SELECT
            order_id, customer_id, product_id, qty, CAST(qty * unit_price_eur AS DECIMAL(18,2)) AS amount_eur,
            status, channel, ordered_at, CAST(ordered_at AS DATE) AS day
        FROM {raw.orders} WHERE status <> 'test'
        """,
        {
            "order_id_unique": unique("order_id"),
            "customer_id_not_null": failing("customer_id IS NULL"),
            "amount_eur_ge_0": failing("amount_eur < 0"),
            "status_accepted": failing("status IS NULL OR status NOT IN ('paid', 'refunded', 'cancelled')"),
            "qty_1_to_20": failing("qty NOT BETWEEN 1 AND 20"),
            "product_id_known": failing("product_id NOT IN (SELECT product_id FROM {sales.products})"),
        },
    ),
    "sales.revenue_by_category_day": Product(
        "daily",
        {"day": "DATE", "category": "VARCHAR", "revenue_eur": "DECIMAL(18,2)", "n_orders": "BIGINT", "n_customers": "BIGINT"},
        """
        SELECT
            o.day, p.category, CAST(sum(o.amount_eur) AS DECIMAL(18,2)) AS revenue_eur, count(*) AS n_orders,
            count(DISTINCT o.customer_id) AS n_customers
        FROM {sales.orders} AS o JOIN {sales.products} AS p ON p.product_id = o.product_id
        WHERE o.status <> 'cancelled' GROUP BY o.day, p.category
        """,
        {
            "day_category_unique": unique("(day, category)"),
            "revenue_eur_ge_0": failing("revenue_eur < 0"),
            "reconciles": "CAST(abs(sum(revenue_eur)"
            " - (SELECT sum(amount_eur) FROM {sales.orders} WHERE status <> 'cancelled')) > 0.005 AS INT)",
        },
    ),
    "fulfilment.shipments": Product(
        "daily",
        {"order_id": "BIGINT", "carrier": "VARCHAR", "shipped_at": "TIMESTAMP", "delivered_at": "TIMESTAMP", "day": "DATE"},
        "SELECT order_id, carrier, shipped_at, delivered_at, CAST(day AS DATE) AS day FROM {raw.shipments}",
        {
            "order_id_not_null": failing("order_id IS NULL"),
            "delivered_after_shipped": failing("delivered_at < shipped_at"),
            "carrier_accepted": failing("carrier IS NULL OR carrier NOT IN ('dhl', 'ups', 'postnl', 'gls')"),
        },
    ),
    "fulfilment.timelines": Product(
        "daily",
        {
            "order_id": "BIGINT",
            "day": "DATE",
            "ordered_at": "TIMESTAMP",
            "carrier": "VARCHAR",
            "shipped_at": "TIMESTAMP",
            "delivered_at": "TIMESTAMP",
            "hours_to_ship": "DOUBLE",
            "hours_to_deliver": "DOUBLE",
        },
        """
        SELECT
            o.order_id, o.day, o.ordered_at, s.carrier, s.shipped_at, s.delivered_at,
            CAST(date_diff('minute', o.ordered_at, s.shipped_at) / 60.0 AS DOUBLE) AS hours_to_ship,
            CAST(date_diff('minute', o.ordered_at, s.delivered_at) / 60.0 AS DOUBLE) AS hours_to_deliver
        FROM {sales.orders} AS o LEFT JOIN {fulfilment.shipments} AS s ON s.order_id = o.order_id AND s.day = o.day
        """,
        {"order_id_unique": unique("order_id"), "hours_to_ship_ge_0": failing("hours_to_ship < 0")},
    ),
    "fulfilment.carrier_sla_day": Product(
        "daily",
        {
            "day": "DATE",
            "carrier": "VARCHAR",
            "n_orders": "BIGINT",
            "mean_hours_to_ship": "DOUBLE",
            "mean_hours_to_deliver": "DOUBLE",
            "late_share": "DOUBLE",
        },
        """
        SELECT
            day, carrier, count(*) AS n_orders, avg(hours_to_ship) AS mean_hours_to_ship, avg(hours_to_deliver) AS mean_hours_to_deliver,
            avg(CASE WHEN hours_to_deliver > 72 THEN 1.0 ELSE 0.0 END) AS late_share
        FROM {fulfilment.timelines} WHERE carrier IS NOT NULL GROUP BY day, carrier
        """,
        {},
    ),
    "marketing.campaigns": Product(
        "reference",
        {"campaign_id": "BIGINT", "channel": "VARCHAR", "budget_eur": "DECIMAL(18,2)"},
        "SELECT campaign_id, channel, budget_eur FROM {raw.campaigns}",
        {},
    ),
    "marketing.touches": Product(
        "daily",
        {"touch_id": "BIGINT", "customer_id": "BIGINT", "campaign_id": "BIGINT", "touched_at": "TIMESTAMP", "day": "DATE"},
        "SELECT touch_id, customer_id, campaign_id, touched_at, CAST(touched_at AS DATE) AS day FROM {raw.touches}",
        {},
    ),
    "marketing.campaign_conversion": Product(
        "whole",
        {
            "campaign_id": "BIGINT",
            "channel": "VARCHAR",
            "budget_eur": "DECIMAL(18,2)",
            "n_touches": "BIGINT",
            "n_conversions": "BIGINT",
            "attributed_eur": "DECIMAL(18,2)",
            "conversion_rate": "DOUBLE",
        },
        """
        WITH followed AS (
            SELECT t.touch_id, any_value(t.campaign_id) AS campaign_id, sum(o.amount_eur) AS amount_eur
            FROM {marketing.touches} AS t JOIN {sales.orders} AS o
                ON o.customer_id = t.customer_id AND o.ordered_at >= t.touched_at AND o.ordered_at < t.touched_at + INTERVAL 7 DAY
            WHERE o.status = 'paid' GROUP BY t.touch_id
        ),
        touched AS (SELECT campaign_id, count(*) AS n_touches FROM {marketing.touches} GROUP BY campaign_id),
        converted AS (SELECT campaign_id, count(*) AS n_conversions, sum(amount_eur) AS amount_eur FROM followed GROUP BY campaign_id)
        SELECT
            c.campaign_id, c.channel, c.budget_eur, t.n_touches, coalesce(v.n_conversions, 0) AS n_conversions,
            CAST(coalesce(v.amount_eur, 0) AS DECIMAL(18,2)) AS attributed_eur,
            CAST(coalesce(v.n_conversions, 0) / t.n_touches AS DOUBLE) AS conversion_rate
        FROM {marketing.campaigns} AS c JOIN touched AS t ON t.campaign_id = c.campaign_id
        LEFT JOIN converted AS v ON v.campaign_id = c.campaign_id
        """,
        {"conversion_rate_0_to_1": failing("conversion_rate NOT BETWEEN 0 AND 1")},
    ),
    "customer.purchase_patterns": Product(
        "whole",
        {
            "customer_id": "BIGINT",
            "n_orders": "BIGINT",
            "total_eur": "DECIMAL(18,2)",
            "mean_amount": "DOUBLE",
            "first_day": "DATE",
            "last_day": "DATE",
            "n_products": "BIGINT",
            "mean_gap_days": "DOUBLE",
        },
        """
        SELECT
            customer_id, count(*) AS n_orders, CAST(sum(amount_eur) AS DECIMAL(18,2)) AS total_eur,
            CAST(avg(amount_eur) AS DOUBLE) AS mean_amount, min(day) AS first_day, max(day) AS last_day,
            count(DISTINCT product_id) AS n_products,
            CASE WHEN count(*) > 1 THEN CAST(date_diff('day', min(day), max(day)) / (count(*) - 1) AS DOUBLE) END AS mean_gap_days
        FROM {sales.orders} WHERE status IN ('paid', 'refunded') GROUP BY customer_id
        """,
        {"customer_id_unique": unique("customer_id"), "n_orders_ge_1": failing("n_orders < 1")},
    ),
    "customer.segments": Product(
        "whole",
        {"customer_id": "BIGINT", "country": "VARCHAR", "n_orders": "BIGINT", "n_touches": "BIGINT", "segment": "VARCHAR"},
        """
        SELECT
            c.customer_id, c.country, coalesce(p.n_orders, 0) AS n_orders, coalesce(t.n_touches, 0) AS n_touches,
            CASE WHEN p.n_orders IS NULL THEN 'none' WHEN p.total_eur >= 6000 THEN 'vip' WHEN p.n_orders >= 20 THEN 'loyal'
                ELSE 'regular' END AS segment
        FROM {sales.customers} AS c
        LEFT JOIN {customer.purchase_patterns} AS p ON p.customer_id = c.customer_id
        LEFT JOIN (SELECT customer_id, count(*) AS n_touches FROM {marketing.touches} GROUP BY customer_id) AS t
            ON t.customer_id = c.customer_id
        """,
        {"segment_accepted": failing("segment IS NULL OR segment NOT IN ('none', 'vip', 'loyal', 'regular')")},
    ),
}

_NAME = re.compile(r"\{([a-z]+\.[a-z_]+)\}")


def filled(sql: str, relation: Callable[[str], str]) -> str:
    """The SQL with each `{domain.name}` in it replaced by what `relation` gives for the name."""
    return _NAME.sub(lambda match: relation(match[1]), sql)


def reads(product: Product) -> list[str]:
    """The products that a product's SQL and rules read, each once."""
    texts = " ".join([product.sql, *product.rules.values()])
    return [name for name in dict.fromkeys(_NAME.findall(texts)) if not name.startswith("raw.")]
