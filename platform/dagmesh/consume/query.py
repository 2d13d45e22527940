"""SQL over products: one SELECT, products addressable as `orders.purchase_patterns` or `"orders.purchase_patterns@1"`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from dagmesh.consume.plain_select import tables_of
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.errors import QueryRefused
from dagmesh.model.address import Address


def run_query(
    con: duckdb.DuckDBPyConnection, resolver: Resolver, statement: str, pinned: Iterable[Address] = ()
) -> tuple[duckdb.DuckDBPyRelation, list[Reading]]:
    """The statement's result as a lazy relation, and the reads it is computed from, whenever that is.

    Args:
        con: a connection of the lake.
        resolver: reads the products in the reader's name.
        statement: one SELECT over products; a table named without a domain must be one of its own CTEs.
        pinned: the snapshots to read of products that the statement names without one.

    Raises:
        QueryRefused: not one SELECT, it reads something that is not a product, or DuckDB cannot make sense of it. What the
            resolver raises.
    """
    tables = sorted(tables_of(con, statement))
    readings = [resolver.resolve(_pinned(f"{domain}.{name}" if domain else name, pinned)) for domain, name in tables]
    # A catalogue of its own for each statement: what a relation reads is not exchanged by a later statement's views.
    catalog = f"query_{uuid.uuid4().hex}"
    own = con.cursor()
    own.execute(f"ATTACH ':memory:' AS {catalog}")
    own.execute(f"USE {catalog}")
    for (domain, name), reading in zip(tables, readings, strict=True):
        own.execute(f'CREATE SCHEMA IF NOT EXISTS "{domain or "main"}"')
        own.execute(f'CREATE VIEW "{domain or "main"}"."{name}" AS FROM {reading.sql}')
    with duckdb_errors_refused():
        own.sql(statement).create_view("result")
    return con.sql(f"FROM {catalog}.main.result"), readings


def _pinned(table: str, pinned: Iterable[Address]) -> str | Address:
    """The address of a statement's table at its pinned snapshot, the newest major if it names none; as it is when none is its."""
    if not pinned:
        return table
    named = Address.parse(table)
    its = [pin for pin in pinned if pin.name == named.name and named.major in (None, pin.major)]
    return max(its, key=lambda pin: pin.major or 0) if its and named.snapshot is None else named


@contextmanager
def duckdb_errors_refused() -> Iterator[None]:
    """What DuckDB says of a consumer's statement becomes a refusal: the mistake is the statement's."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error).partition("\n\nLINE ")[0]  # the lines that follow show text that is not the consumer's
        raise QueryRefused(f"The query cannot be run. DuckDB says: {said}") from error
