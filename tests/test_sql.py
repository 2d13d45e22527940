"""`dm.sql`: named relations in one query, whatever the query looks like, without traces in other queries."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from dagmesh.sql import sql


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def numbers(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    return con.sql("SELECT range AS n FROM range(4)")


def test_relations_are_joined_by_their_names(con: duckdb.DuckDBPyConnection) -> None:
    orders = con.sql("SELECT * FROM (VALUES (1, 'ann'), (2, 'bob')) AS o(order_id, buyer)")
    lines = con.sql("SELECT * FROM (VALUES (1, 5), (1, 7), (2, 1)) AS l(order_id, items)")

    result = sql("SELECT buyer, sum(items) AS items FROM orders JOIN lines USING (order_id) GROUP BY buyer", orders=orders, lines=lines)

    assert result.columns == ["buyer", "items"]
    assert sorted(result.fetchall()) == [("ann", 12), ("bob", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT n FROM t WHERE n > 1",
        "\n  SELECT n FROM t WHERE n > 1 ;\n",
        "SELECT n FROM t WHERE n > 1 -- the larger ones",
        "-- the larger ones\nSELECT n FROM t WHERE n > 1",
        "FROM t WHERE n > 1",
        "(SELECT n FROM t WHERE n > 1)",
        "WITH large AS (SELECT n FROM t WHERE n > 1) SELECT * FROM large",
        "/* a step */ WITH large AS (SELECT n FROM t WHERE n > 1), same AS (FROM large) FROM same",
        "WITH RECURSIVE up(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM up WHERE n < 3) SELECT up.n FROM up JOIN t USING (n)",
        "WITH large(n) AS MATERIALIZED (SELECT n FROM t WHERE n > 1) SELECT n FROM large",
        "SELECT n FROM t WHERE n = 2 UNION ALL SELECT n FROM t WHERE n = 3",
        "SELECT n FROM t WHERE EXISTS (WITH large AS (FROM t WHERE n > 1) FROM large WHERE large.n = t.n)",
        "SELECT unnest([n]) AS n FROM (PIVOT t ON n IN (2, 3) USING count(*)) CROSS JOIN t WHERE n > 1",
        "VALUES (2), (3)",
    ],
)
def test_a_query_is_written_as_one_likes(numbers: duckdb.DuckDBPyRelation, text: str) -> None:
    result = sql(text, t=numbers)

    assert sorted(result.fetchall()) == [(2,), (3,)]


def test_a_with_of_the_query_may_take_the_name_of_an_input(numbers: duckdb.DuckDBPyRelation) -> None:
    result = sql("WITH t AS (SELECT n * 10 AS n FROM t WHERE n > 1) SELECT n FROM t", t=numbers)

    assert sorted(result.fetchall()) == [(20,), (30,)]


def test_an_input_hides_a_table_of_the_same_name(con: duckdb.DuckDBPyConnection, numbers: duckdb.DuckDBPyRelation) -> None:
    con.execute("CREATE TABLE t AS SELECT 99 AS n")

    assert sql("SELECT max(n) FROM t", t=numbers).fetchall() == [(3,)]


def test_names_that_sql_reserves_work_in_quotes(numbers: duckdb.DuckDBPyRelation) -> None:
    result = sql('SELECT count(*) FROM "order" JOIN "a ""b""" USING (n)', **{"order": numbers, 'a "b"': numbers})

    assert result.fetchall() == [(4,)]


def test_the_order_of_the_query_is_kept(numbers: duckdb.DuckDBPyRelation) -> None:
    assert sql("SELECT n FROM t ORDER BY n DESC", t=numbers).fetchall() == [(3,), (2,), (1,), (0,)]


def test_two_queries_of_one_connection_may_use_the_same_name(con: duckdb.DuckDBPyConnection) -> None:
    first = sql("SELECT v FROM t", t=con.sql("SELECT 1 AS v"))
    second = sql("SELECT v FROM t", t=con.sql("SELECT 2 AS v"))

    assert (first.fetchall(), second.fetchall()) == ([(1,)], [(2,)])


def test_a_result_is_an_input_of_the_next_query(numbers: duckdb.DuckDBPyRelation) -> None:
    doubled = sql("SELECT n * 2 AS n FROM t", t=numbers)

    assert sql("SELECT sum(t.n) FROM t JOIN u USING (n)", t=doubled, u=doubled.filter("n > 2")).fetchall() == [(10,)]


def test_relations_may_come_from_several_cursors(con: duckdb.DuckDBPyConnection) -> None:
    left, right = con.cursor().sql("SELECT 1 AS k, 'l' AS a"), con.cursor().sql("SELECT 1 AS k, 'r' AS b")

    assert sql("SELECT a, b FROM x JOIN y USING (k)", x=left, y=right).fetchall() == [("l", "r")]


def test_queries_in_several_threads_do_not_meet(con: duckdb.DuckDBPyConnection) -> None:
    def ask(number: int) -> int:
        cursor = con.cursor()
        rows = sql("SELECT v FROM t", t=cursor.sql(f"SELECT {number} AS v")).fetchall()
        return int(rows[0][0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(80))) == list(range(80))


def test_nothing_is_read_before_the_rows_are_asked_for(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("n\n1\n")

    result = sql("SELECT sum(n) FROM t", t=con.sql(f"FROM '{file}'"))
    file.write_text("n\n1\n5\n")

    assert result.fetchall() == [(6,)]


def test_only_what_the_query_needs_of_an_input_is_computed(con: duckdb.DuckDBPyConnection) -> None:
    trap = con.sql("SELECT range AS n, CASE WHEN range < 900 THEN error('computed') ELSE 'fine' END AS text FROM range(1000)")

    assert sql("SELECT count(n) FROM t", t=trap).fetchall() == [(1000,)]
    assert sql("SELECT min(text) FROM t WHERE n >= 900", t=trap).fetchall() == [("fine",)]


def test_each_mention_of_an_input_reads_it_anew(con: duckdb.DuckDBPyConnection) -> None:
    drawn = con.sql("SELECT uuid() AS id")

    assert sql("SELECT a.id = b.id FROM t AS a, t AS b", t=drawn).fetchall() == [(False,)]


def test_inputs_over_python_data_and_parameters_live_as_long_as_the_result(con: duckdb.DuckDBPyConnection) -> None:
    result = sql(
        "SELECT a + b + c FROM x, y, z",
        x=con.from_df(pd.DataFrame({"a": [1]})),
        y=con.from_arrow(pa.table({"b": [10]})),
        z=con.sql("SELECT $1 AS c", params=[100]),
    )
    gc.collect()

    assert result.fetchall() == [(111,)]


def test_a_view_of_the_result_outlives_result_and_inputs(con: duckdb.DuckDBPyConnection) -> None:
    sql("SELECT n + 1 AS n FROM t", t=con.from_arrow(pa.table({"n": [1]}))).create_view("kept")
    gc.collect()

    assert con.sql("FROM kept").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM kept",
        "WITH gone AS (DELETE FROM kept RETURNING *) SELECT * FROM gone",
        "SELECT 1; DELETE FROM kept",
        "SELECT 1); DELETE FROM kept; FROM (SELECT 2",
        "",
    ],
)
def test_what_is_not_one_query_is_refused(con: duckdb.DuckDBPyConnection, numbers: duckdb.DuckDBPyRelation, text: str) -> None:
    con.execute("CREATE TABLE kept AS SELECT 1 AS n")

    with pytest.raises(duckdb.Error):
        sql(text, t=numbers)

    assert con.sql("SELECT count(*) FROM kept").fetchall() == [(1,)]


def test_a_wrong_table_name_is_reported_with_the_names_there_are(numbers: duckdb.DuckDBPyRelation) -> None:
    with pytest.raises(duckdb.CatalogException, match="oders") as raised:
        sql("SELECT * FROM oders", orders=numbers, lines=numbers)

    assert raised.value.__notes__ == ["dm.sql: the query's own tables are orders, lines."]


def test_a_query_without_relations_is_refused() -> None:
    with pytest.raises(TypeError) as raised:
        sql("SELECT 1")

    expected = "dm.sql: no relation given; name each table of the query, for example dm.sql(text, orders=orders)."
    assert str(raised.value) == expected


def test_a_data_frame_is_refused_by_name() -> None:
    with pytest.raises(TypeError) as raised:
        sql("SELECT 1", orders=pd.DataFrame())  # type: ignore[arg-type]  # the mistake under test

    assert str(raised.value) == "dm.sql: orders is a DataFrame, not a relation; annotate it duckdb.DuckDBPyRelation."


def test_importing_it_does_not_import_duckdb() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import dagmesh.sql, sys; print('duckdb' in sys.modules)"], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "False"
