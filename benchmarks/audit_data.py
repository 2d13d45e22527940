"""Rows for the contract of audit_contract.py, in the shape the audit was tuned on and in others that it was not.

| shape | the rows |
|---|---|
| good | short strings, keys from 1 on, what few values a column has in no order |
| bad | the same, one row in 200 of each column breaks a rule |
| wide | addresses of about 160 characters, different in each row |
| skewed | every second row of one customer, nine in ten of one country, state and article |
| scattered | keys in no order, spread over a range too wide for a bitmap; amounts and times unlike each other |
| groups | good, in row groups of 2,048 rows, where DuckDB writes 122,880 |
| unicode | one address in three in another script, which the pattern refuses |
| dirty | every row breaks a rule, each of the twelve columns as often |
"""

from __future__ import annotations

from benchmarks.audit_contract import COUNTRIES, CURRENCIES, STATES

SHAPES = ("good", "bad", "wide", "skewed", "scattered", "groups", "unicode", "dirty")
# Rows in a row group, where it is not DuckDB's own number.
ROW_GROUPS = {"groups": 2048}

# How each column's good values are made, and a bad one.
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
# What a shape's good values are instead.
OTHERS = {
    "wide": {"email": "md5(h::VARCHAR) || '.' || repeat(md5(h2::VARCHAR), 3) || '.' || i || '@mail' || (h3 % 5000) || '.example.com'"},
    "skewed": {
        "customer_id": "CASE WHEN h % 2 = 0 THEN 1 ELSE (h2 % 5000000)::BIGINT + 1 END",
        "country": f"CASE WHEN h % 10 > 0 THEN 'DE' ELSE {COUNTRIES}[(h2 % 20)::INT + 1] END",
        "status": f"CASE WHEN h2 % 10 > 0 THEN 'delivered' ELSE {STATES}[(h3 % 6)::INT + 1] END",
        "sku": "CASE WHEN h3 % 10 > 0 THEN 'SKU-000001' ELSE 'SKU-' || lpad((h2 % 1000000)::VARCHAR, 6, '0') END",
    },
    "scattered": {
        # A prime beyond 2^40: different for each i, and far apart.
        "order_id": "((i::HUGEINT + 1) * 736338717763 % 1099511627791)::BIGINT",
        "amount": "((h3 % 10000001) / 100.0)::DECIMAL(12,2)",
        "qty": "(h2 % 1000)::BIGINT + 1",
        "discount": "CASE WHEN h % 10 >= 3 THEN (h2 % 1000003) / 1000003.0 END::DOUBLE",
    },
    "unicode": {"email": f"CASE WHEN h % 3 = 0 THEN 'пользователь-' || h2 || '-日本語-é' || i ELSE {VALUES['email'][0]} END"},
}
BAD = {"bad": 200, "dirty": len(VALUES)}


def rows_sql(rows: int, shape: str, seed: int = 0, **more: str) -> str:
    """A SELECT of so many rows of the shape; another `seed`, other rows. `more` are further columns, made of the row's number `i`."""
    good = {name: value for name, (value, _) in VALUES.items()} | OTHERS.get(shape, {})
    every = BAD.get(shape)
    made = (f"CASE WHEN h % {every} = {place} THEN {VALUES[name][1]} ELSE {good[name]} END" for place, name in enumerate(VALUES))
    values = dict(zip(VALUES, made, strict=True)) if every else good
    columns = ", ".join(f"{value} AS {name}" for name, value in (values | more).items())
    hashes = ", ".join(f"hash(range + {salt + seed * 1_000_003}) AS {name}" for name, salt in (("h", 0), ("h2", 7), ("h3", 13)))
    return f"SELECT {columns} FROM (SELECT range AS i, {hashes} FROM range({rows}))"
