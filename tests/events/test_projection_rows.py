"""How rows are made of things: elements, groups, aggregates and conditions, each once."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest

import dagmesh as dm
from dagmesh.events.projections.rows import rows_sql

ORDER = dm.entity("order_id", buyer=dm.first(Placed="buyer"), lines=dm.first(Placed="lines"), returns=dm.count("Returned"))
THINGS = """VALUES
    (1, 'b', [{'sku': 'x', 'eur': 2}, {'sku': 'y', 'eur': 3}], 0), (2, 'b', [{'sku': 'x', 'eur': 4}], 0),
    (3, 'c', [{'sku': 'x', 'eur': NULL}], 1), (4, NULL, [{'sku': 'x', 'eur': 7}], 0), (5, 'c', [], 0), (6, 'c', NULL, 0)"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute(f'CREATE TABLE things AS SELECT *, NULL::DATE AS "its day" FROM ({THINGS}) AS t(order_id, buyer, lines, returns)')
        yield made


def rows(con: duckdb.DuckDBPyConnection, columns: Mapping[str, Any], names: list[str] | None = None, **said: Any) -> list[tuple]:
    projection = dm.projection(dm.Events("order_events"), of=ORDER, columns=columns, **said)
    return con.execute(f"{rows_sql(projection, [*said.get('by', {}), *(names or columns)], 'things')} ORDER BY ALL").fetchall()


def test_a_row_is_a_thing_with_columns_as_they_are_and_as_they_are_said(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, {"is_kept": "returns = 0"}, ["order_id", "is_kept"]) == [
        (1, True),
        (2, True),
        (3, False),
        (4, True),
        (5, True),
        (6, True),
    ]


def test_where_is_asked_of_each_element(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, {"sku": "line.sku"}, ["order_id", "sku"], each="lines AS line", where="line.eur > 2") == [(1, "y"), (2, "x"), (4, "x")]


def test_a_thing_whose_group_is_not_known_is_in_none(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, {"orders": dm.count()}, by={"buyer": "buyer"}) == [("b", 2), ("c", 3)]


def test_elements_are_grouped_and_each_aggregate_is_over_them(con: duckdb.DuckDBPyConnection) -> None:
    made = {
        "lines": dm.count(),
        "skus": dm.count_distinct("line.sku"),
        "eur": dm.sum("line.eur"),
        "least": dm.min("line.eur"),
        "most": dm.max("line.eur"),
    }

    assert rows(con, made, each="lines AS line", by={"buyer": "buyer"}) == [("b", 3, 2, 9, 2, 4), ("c", 1, 1, 0, None, None)]


def test_without_a_group_named_all_things_are_one_also_when_there_are_none(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, {"orders": dm.count()}, by={}) == [(6,)]
    assert rows(con, {"orders": dm.count()}, by={}, where="false") == [(0,)]
