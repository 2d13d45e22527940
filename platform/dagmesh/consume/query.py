"""SQL over products: one SELECT, products addressable as `orders.purchase_patterns` or `"orders.purchase_patterns@1"`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from dagmesh.consume.resolver import Resolver
from dagmesh.errors import QueryRefused
from dagmesh.model.address import Address

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})


def run_query(con: duckdb.DuckDBPyConnection, resolver: Resolver, statement: str) -> tuple[duckdb.DuckDBPyRelation, list[Address]]:
    """The statement's result as a relation, and the snapshots it was computed from.

    Args:
        con: a connection of the lake, for this statement alone.
        resolver: reads the products in the reader's name.
        statement: one SELECT over products; a table named without a domain must be one of its own CTEs.

    Raises:
        QueryRefused: not one SELECT, or it reads something that is not a product. What the resolver raises.
    """
    tables = list(_tables(parsed(con, statement)))
    read = []
    for domain, name in sorted(set(tables)):
        reading = resolver.resolve(f"{domain}.{name}" if domain else name)
        con.execute(f'CREATE SCHEMA IF NOT EXISTS "{domain or "main"}"')
        con.execute(f'CREATE OR REPLACE VIEW "{domain or "main"}"."{name}" AS FROM {reading.sql}')
        read.append(reading.address)
    return con.sql(statement), read


def parsed(con: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    """The statement's syntax tree, as DuckDB's own parser writes it.

    Raises:
        QueryRefused: anything but one SELECT.
    """
    row = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchall()[0][0]
    tree: dict[str, Any] = json.loads(row)
    if tree.get("error"):
        raise QueryRefused(f"Only one plain SELECT over products is run here; DuckDB says: {tree.get('error_message')}")
    if len(tree["statements"]) != 1:
        raise QueryRefused(f"Only one SELECT at a time is run here; got {len(tree['statements'])}.")
    return tree


def _tables(tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Schema and name of every product the tree reads; its own CTEs are left out."""
    defined = {entry["key"] for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", [])}
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            name = node["function"].get("function_name")
            if name not in _TABLE_FUNCTIONS:
                raise QueryRefused(f"{name}() reads something that is no product; read products by address: select * from orders.orders.")
        if node.get("type") == "BASE_TABLE" and not (not node["schema_name"] and node["table_name"] in defined):
            if node.get("catalog_name"):
                named = f"{node['catalog_name']}.{node['schema_name']}.{node['table_name']}"
                raise QueryRefused(f"{named} is no address; write <domain>.<product>.")
            yield node["schema_name"], node["table_name"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
