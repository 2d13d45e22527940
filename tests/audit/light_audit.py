"""Audits a contract of built-in rules and prints which heavy libraries that loaded; run by test_audit.py."""

import json
import sys

import duckdb

import dagmesh as dm
from dagmesh.audit.audit import audit, bad_rows_sql
from dagmesh.audit.conform import conform_sql


class Sales(dm.Contract):
    """One row per sale."""

    sale: str = dm.field(key=True, matches=r"\w+$", description="Number.")
    total: int = dm.field(ge=0, description="Total.")


@dm.data_product(
    contract=Sales, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:shop", description="Sales there were.", name="sales"
)
def sales(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Give the rows."""
    return rows


con = duckdb.connect()
staged = conform_sql(con, "(SELECT 'a' AS sale, -1 AS total)", Sales)
product = sales.in_domain("shop", "team:shop", None)
report = audit(con, staged, product)
con.execute(f"FROM {bad_rows_sql(con, staged, product, report)}").fetchall()
loaded = [name for name in ("pandas", "pandera", "numpy", "pyarrow", "polars", "dagster") if name in sys.modules]
sys.stdout.write(json.dumps({"failed": [result.name for result in report.failed], "loaded": loaded}))
