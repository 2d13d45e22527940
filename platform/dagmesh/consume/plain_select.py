"""What a consumer's statement may be: one SELECT whose tables are products and whose functions look at their arguments alone.

DuckDB's own parser reads the statement, so there is no second opinion about what it means. Everything is listed that is
allowed; whatever a later DuckDB adds is refused until it is looked at.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from dagmesh.errors import QueryRefused, nearest

Tree = dict[str, Any]

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
_TABLES = frozenset({"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY", "TABLE_FUNCTION"})
_MODIFIERS = frozenset({"DISTINCT_MODIFIER", "LIMIT_MODIFIER", "ORDER_MODIFIER"})
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_PARTS = _QUERIES | _TABLES | _MODIFIERS | _ORDERS

_TABLE_FUNCTIONS = frozenset({"generate_series", "range", "unnest"})
_CLOCK = frozenset({"current_date", "get_current_time", "get_current_timestamp", "now", "today", "transaction_timestamp"})
_CHANCE = frozenset({"gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"})
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LOWER = {ord(letter): ord(letter.lower()) for letter in string.ascii_uppercase}
_BARE = re.compile(r"(?<!\")\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*@\d+(#\d+)?")
_TOO_DEEP = "The statement is nested too deeply; name its steps in a WITH."
_HARMLESS = _TABLE_FUNCTIONS | _CLOCK | _CHANCE | {"error"}
_PLANS_ANY_TEXT = frozenset({"json_serialize_plan"})  # DuckDB calls it consistent, yet it binds a statement and so opens its files

_KINDS = """
    SELECT lower(function_name), function_type, stability IS NOT DISTINCT FROM 'CONSISTENT', macro_definition
    FROM duckdb_functions() WHERE lower(function_name) IN (SELECT unnest(?)) AND function_type NOT IN ('table', 'table_macro', 'pragma')
"""


def tables_of(con: duckdb.DuckDBPyConnection, statement: str) -> frozenset[tuple[str, str]]:
    """Schema and name of every table the statement reads; its own CTEs are left out.

    Raises:
        QueryRefused: anything but one SELECT, or one that calls a function which may look at files or settings.
    """
    try:
        tree = _parsed(con, statement)
        _check_parts(tree)
        _check_functions(con, tree)
        return frozenset(_tables(tree, frozenset()))
    except RecursionError as error:
        raise QueryRefused(_TOO_DEEP) from error


def settled(con: duckdb.DuckDBPyConnection, statement: str) -> str:
    """A statement of the same rows that gives the first ones in the same order each time; as it is when it orders them itself.

    Raises:
        QueryRefused: what `tables_of` raises.
    """
    tree = _parsed(con, statement)
    node = tree["statements"][0]["node"]
    if any(modifier.get("type") == "ORDER_MODIFIER" for modifier in node.get("modifiers", ())):
        return statement
    return f"SELECT * FROM (\n{statement.rstrip().rstrip(';')}\n) ORDER BY ALL"


def is_repeatable(con: duckdb.DuckDBPyConnection, statement: str) -> bool:
    """Whether a statement over the same rows gives the same result each time: it calls no clock and no chance."""
    tree = _parsed(con, statement)
    columns = {node["column_names"][-1].lower() for node in _nodes(tree) if node.get("class") == "COLUMN_REF"}
    return not (_called(tree) & (_CLOCK | _CHANCE)) and not columns & _CLOCK_WORDS


_CONDITION = frozenset({"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR", "TYPE"})
_CLOCK_WORDS = frozenset({"current_date", "current_time", "current_timestamp"})  # functions that DuckDB parses as columns


def condition_columns(con: duckdb.DuckDBPyConnection, condition: str) -> frozenset[str]:
    """Names of the columns that one condition over a row looks at.

    Raises:
        QueryRefused: anything but one expression of the row's columns, constants and functions of values.
    """
    tree = _parsed(con, f"SELECT (\n{condition}\n)")
    bare = _parsed(con, "SELECT (\ntrue\n)")
    found, wanted = tree["statements"][0]["node"], bare["statements"][0]["node"]
    if len(found.get("select_list", ())) != 1 or {**found, "select_list": []} != {**wanted, "select_list": []}:
        raise QueryRefused("A condition is one expression over the row's columns.")
    _check_parts(tree)
    _check_functions(con, tree)
    if chance := sorted(_called(tree) & _CHANCE):
        raise QueryRefused(f"A condition is the same each time it is asked; {chance[0]}() is not.")
    for node in _nodes(found["select_list"]):
        if "class" in node and node["class"] not in _CONDITION:
            raise QueryRefused(f"A condition looks at its own row alone; got {node['class'].replace('_', ' ')}.")
    names = {".".join(node["column_names"]) for node in _nodes(tree) if node.get("class") == "COLUMN_REF"}
    return frozenset(name for name in names if name.lower() not in _CLOCK_WORDS)


def _parsed(con: duckdb.DuckDBPyConnection, statement: str) -> Tree:
    """The statement's syntax tree, as DuckDB's own parser writes it."""
    written = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchall()[0][0]
    try:
        tree: Tree = json.loads(written)
    except RecursionError as error:
        raise QueryRefused(_TOO_DEEP) from error
    if tree["error"]:
        said = f" DuckDB says: {tree['error_message']}" if tree["error_type"] == "parser" else ""
        address = _BARE.search(statement) if said else None
        if address:
            said += f' An address with a major is quoted: "{address[0]}".'
        raise QueryRefused(f"Only one plain SELECT over products is run here.{said}")
    if len(tree["statements"]) != 1:
        raise QueryRefused(f"Only one SELECT at a time is run here; got {len(tree['statements'])}.")
    return tree


def _check_parts(tree: Tree) -> None:
    """Nothing, when every part of the tree that is no expression only reads."""
    for node in _nodes(tree):
        part = node.get("type")
        if isinstance(part, str) and "class" not in node and part not in _PARTS:
            raise QueryRefused(f"Only one plain SELECT over products is run here; got {part.removesuffix('_NODE').replace('_', ' ')}.")
        if part == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in _TABLE_FUNCTIONS:
            name = node["function"].get("function_name")
            raise QueryRefused(f"{name}() reads something that is no product; read products by address: select * from orders.orders")


def _check_functions(con: duckdb.DuckDBPyConnection, tree: Tree) -> None:
    """Nothing, when every function called, also by a macro, gives the same for the same arguments, the clock's and chance's aside."""
    seen: set[str] = set()
    while called := {name for name in _called(tree) if name not in _HARMLESS} - seen:
        seen |= called
        kinds = con.execute(_KINDS, [sorted(called)]).fetchall()
        _check_known(con, called, {name for name, *_ in kinds})
        for name, kind, same, _ in kinds:
            if name in _PLANS_ANY_TEXT or not (same or kind == "macro"):
                raise QueryRefused(f"{name}() looks at more than its arguments; only functions of values are called here.")
        macros = [_parsed(con, f"SELECT {definition}") for _, _, _, definition in kinds if definition]
        for macro in macros:
            _check_parts(macro)
        tree = {"macros": macros}


def _check_known(con: duckdb.DuckDBPyConnection, called: Iterable[str], known: Iterable[str]) -> None:
    # An unknown name is not left to DuckDB: it may look for an extension that has it.
    for name in sorted(set(called) - set(known)):
        names = [row[0] for row in con.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()]
        raise QueryRefused(f"no function {name}().{nearest(name, names)}")


def _called(tree: Any) -> set[str]:
    return {node["function_name"].lower() for node in _nodes(tree) if node.get("function_name")}


def _tables(node: Any, ctes: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The tables below a node, where the given CTEs can be seen."""
    if isinstance(node, list):
        for item in node:
            yield from _tables(item, ctes)
    if not isinstance(node, dict):
        return
    for entry in (node.get("cte_map") or {}).get("map", []):
        yield from _tables(entry["value"], ctes)
        ctes |= {_cte_name(entry["key"])}
    if node.get("type") == "BASE_TABLE":
        yield from _table(node, ctes)
    # Of a recursive one the second half alone sees itself; to the first half its name may be a file's.
    itself = {_cte_name(node["cte_name"])} if node.get("type") == "RECURSIVE_CTE_NODE" else set()
    for name, value in node.items():
        if name != "cte_map":
            yield from _tables(value, ctes | itself if name == "right" else ctes)


def _cte_name(name: str) -> str:
    """The name as DuckDB compares it. A plain word: whoever's mistake it may be about what a name means, no file is named so."""
    if not _WORD.match(name):
        raise QueryRefused(f"WITH {name!r}: name steps with letters, digits and underscores.")
    return name.lower()


def _table(node: Tree, ctes: frozenset[str]) -> Iterator[tuple[str, str]]:
    # ASCII alone, as DuckDB does: Python also makes a k of the Kelvin sign.
    catalog, schema, name = (node[part].translate(_LOWER) for part in ("catalog_name", "schema_name", "table_name"))
    if catalog:
        raise QueryRefused(f"{catalog}.{schema}.{name} is no address; write <domain>.<product>.")
    if schema or name not in ctes:
        yield schema, name


def _nodes(tree: Any) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
