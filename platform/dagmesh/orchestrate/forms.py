"""Gives a product's function its inputs in the forms it is annotated with, and takes its result back as SQL."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from dagmesh.model.domain import Product


def given(con: duckdb.DuckDBPyConnection, form: str, sql: str) -> Any:
    """The rows of `sql` in a form: a lazy DuckDB relation, or a pandas, Polars or Arrow table in memory."""
    relation = con.sql(f"FROM {sql}")
    if form == "duckdb":
        return relation
    table = relation.to_arrow_table()
    if form == "arrow":
        return table
    if form == "polars":
        import polars as pl

        return pl.from_arrow(table)
    from dagmesh.audit.frames import to_pandas

    return to_pandas(table)


def taken(con: duckdb.DuckDBPyConnection, result: Any) -> str:
    """FROM-able text over a function's result; the name lives as long as the connection."""
    name = f"result_{uuid.uuid4().hex}"
    if isinstance(result, duckdb.DuckDBPyRelation):
        result.create_view(name, replace=True)
    else:
        con.register(name, _arrow(result))
    return f'"{name}"'


def _arrow(frame: Any) -> Any:
    if type(frame).__module__.startswith("pandas"):
        import pyarrow as pa

        return pa.Table.from_pandas(frame, preserve_index=False)
    return frame.to_arrow() if hasattr(frame, "to_arrow") else frame


def computed(con: duckdb.DuckDBPyConnection, product: Product, rows: Mapping[str, str], day: date | None) -> str:
    """FROM-able text of one call of the product's function.

    Args:
        con: the connection that the relations are given on.
        product: the product.
        rows: parameter -> FROM-able text.
        day: what a parameter annotated `datetime.date` receives.
    """
    arguments = {read.parameter: day if read.form == "day" else given(con, read.form, rows[read.parameter]) for read in product.reads}
    return taken(con, product.function(**arguments))
