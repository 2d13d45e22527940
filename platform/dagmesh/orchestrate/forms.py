"""Gives a product's function its inputs in the forms it is annotated with, and takes its result back as SQL."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.domain import Product
from dagmesh.orchestrate.domain_events import FeedWindow


def given(con: duckdb.DuckDBPyConnection, form: str, rows: str | FeedWindow) -> Any:
    """The rows of FROM-able text in a form: a lazy DuckDB relation, or a pandas, Polars or Arrow table in memory; or a feed's events."""
    if isinstance(rows, FeedWindow):
        return rows.events(con)
    relation = con.sql(f"FROM {rows}")
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


def taken(con: duckdb.DuckDBPyConnection, product: Product, result: Any) -> str:
    """FROM-able text over what the product's function gave back; the name lives as long as the connection.

    Raises:
        DefinitionError: it is no relation of `con`'s DuckDB, nor a pandas, Polars or Arrow table.
    """
    name = f"result_{uuid.uuid4().hex}"
    if isinstance(result, duckdb.DuckDBPyRelation):
        result.create_view(name)
        try:
            con.table(name)
        except duckdb.CatalogException as error:
            raise _refused(product, "is a relation of another DuckDB") from error
    else:
        con.register(name, _arrow(product, result))
    return f'"{name}"'


def _arrow(product: Product, frame: Any) -> Any:
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(frame).__mro__}
    if "pandas.DataFrame" in kinds:
        import pyarrow as pa

        return pa.Table.from_pandas(frame, preserve_index=False)
    if "polars.DataFrame" in kinds:
        return frame.to_arrow()
    if kinds & {"pyarrow.Table", "pyarrow.RecordBatchReader"}:
        return frame
    raise _refused(product, f"is a {type(frame).__name__}")


def _refused(product: Product, what: str) -> DefinitionError:
    wanted = "return a relation made of the inputs (dm.sql), or a pandas, Polars or Arrow table."
    return DefinitionError([Problem(product.file, product.name, "result", f"{what}; {wanted}")])


def computed(con: duckdb.DuckDBPyConnection, product: Product, rows: Mapping[str, str | FeedWindow], day: date | None) -> str:
    """FROM-able text of one call of the product's function.

    Args:
        con: the connection that the relations are given on.
        product: the product.
        rows: parameter -> FROM-able text, or a feed's events.
        day: what a parameter annotated `datetime.date` receives.
    """
    arguments = {read.parameter: day if read.form == "day" else given(con, read.form, rows[read.parameter]) for read in product.reads}
    return taken(con, product, product.function(**arguments))
