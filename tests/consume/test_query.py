"""SQL over products: what a statement may say, what each name means, and everything that is refused."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagmesh.consume.plain_select import is_repeatable, settled, tables_of
from dagmesh.consume.query import run_query
from dagmesh.consume.resolver import Resolver
from dagmesh.errors import AccessRefused, AddressError, DagmeshError, NotPublished, QueryRefused
from dagmesh.lake.lake import Lake

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


@pytest.fixture
def sold(shop):
    """Orders of two days: 10 and 11 on Monday, 12 on Tuesday; Monday was 99 in the snapshot before."""
    shop.publish_orders({MONDAY: [99]})
    shop.publish_orders({MONDAY: [10, 11], TUESDAY: [12]})
    return shop


def rows(shop, statement: str, reader: str = "analyst") -> list[tuple]:
    return run_query(shop.con.cursor(), Resolver(shop.lake, reader), statement)[0].fetchall()


def refused(shop, statement: str) -> str:
    with pytest.raises(QueryRefused) as refusal:
        rows(shop, statement)
    return str(refusal.value)


# What a table's name means


@pytest.mark.parametrize(
    ("table", "total"),
    [
        ("orders.orders", 33),
        ("ORDERS.Orders", 33),
        ('"orders"."orders"', 33),
        ('"orders.orders"', 33),
        ('"orders.orders@1"', 33),
        ('orders."orders@1"', 33),
        ('"orders.orders@1#1"', 33),
        ('"orders.orders@1#0"', 99),
        ('orders."orders@1#0"', 99),
        ("'orders.orders@1#0'", 99),
    ],
)
def test_a_product_is_named_by_its_address(sold, table: str, total: int) -> None:
    assert rows(sold, f"SELECT sum(total_eur)::INT FROM {table}") == [(total,)]


def test_columns_may_be_qualified_by_the_product(sold) -> None:
    statement = "SELECT orders.order_id, orders.orders.order_id, o.order_id FROM orders.orders, orders.orders AS o ORDER BY ALL LIMIT 1"

    assert rows(sold, statement) == [(1600, 1600, 1600)]


def test_the_snapshots_that_were_read_are_reported(sold) -> None:
    statement = 'FROM orders.orders JOIN "orders.orders@1#0" AS before USING (ordered_on)'

    _, read = run_query(sold.con.cursor(), Resolver(sold.lake, "analyst"), statement)

    assert sorted(str(reading.address) for reading in read) == ["orders.orders@1#0", "orders.orders@1#1"]


def test_a_result_keeps_its_snapshot_whatever_is_published_or_asked_afterwards(sold) -> None:
    reads, statement = sold.reads(), "SELECT sum(total_eur)::INT FROM orders.orders"
    before = reads.sql(statement)

    sold.publish_orders({MONDAY: [50]})

    assert reads.sql(statement).fetchall() == [(62,)]
    assert before.fetchall() == [(33,)]


def test_results_of_two_statements_can_be_queried_together(sold) -> None:
    import dagmesh as dm

    reads = sold.reads()
    now, then = reads.sql("SELECT count(*) AS n FROM orders.orders"), reads.sql('SELECT count(*) AS n FROM "orders.orders@1#0"')

    assert dm.sql(
        "SELECT now.n, was.n, r.order_id FROM now, was, r ORDER BY 3 LIMIT 1", now=now, was=then, r=reads.read("orders.orders")
    ).fetchall() == [(3, 1, 1600)]


def test_the_rules_of_reading_hold_in_sql(shop) -> None:
    shop.publish_profiles()

    assert rows(shop, "SELECT email FROM customers.profiles ORDER BY customer_id", reader="customers") == [
        ("ada@example.com",),
        ("bob@example.com",),
    ]
    assert rows(shop, "SELECT DISTINCT email FROM customers.profiles", reader="marketing") == [(None,)]
    with pytest.raises(AccessRefused):
        rows(shop, "SELECT email FROM customers.profiles", reader="finance")


def test_an_unknown_product_is_named_with_the_nearest(sold) -> None:
    with pytest.raises(NotPublished, match=r"orders\.order is not published in this lake\. Did you mean 'orders\.orders'\?"):
        rows(sold, "FROM orders.order")


def test_a_table_without_a_domain_is_no_address(sold) -> None:
    with pytest.raises(AddressError, match="'orders' is not an address"):
        rows(sold, "FROM orders")


# What a statement may say


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("WITH big AS (FROM orders.orders WHERE total_eur > 10) SELECT count(*) FROM big", [(2,)]),
        ("WITH a AS (SELECT 1 AS n), b AS MATERIALIZED (SELECT n + 1 AS n FROM a) FROM b", [(2,)]),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT sum(i)::INT FROM n", [(10,)]),
        ("WITH Orders AS (SELECT 7 AS n) SELECT n FROM orders", [(7,)]),
        ("WITH orders AS (SELECT 7 AS n) SELECT count(*) FROM orders.orders, orders", [(3,)]),
        ("SELECT (SELECT max(total_eur)::INT FROM orders.orders)", [(12,)]),
        ("SELECT count(*) FROM orders.orders WHERE total_eur > (SELECT avg(total_eur) FROM orders.orders)", [(1,)]),
        ("SELECT count(*) FROM orders.orders AS o WHERE EXISTS (FROM orders.orders AS p WHERE p.order_id = o.order_id + 1)", [(1,)]),
        ("SELECT count(*) FROM orders.orders JOIN orders.orders AS o USING (ordered_on)", [(5,)]),
        (
            "SELECT count(*) FROM orders.orders a LEFT JOIN orders.orders b ON a.order_id = b.order_id + 1, LATERAL (SELECT a.total_eur)",
            [(3,)],
        ),
        ("SELECT order_id FROM orders.orders UNION ALL SELECT 1 ORDER BY 1 LIMIT 1", [(1,)]),
        ('FROM (SELECT order_id FROM "orders.orders@1#0" UNION SELECT order_id FROM orders.orders) SELECT count(*)', [(3,)]),
        ('SELECT order_id FROM "orders.orders@1#0" INTERSECT SELECT order_id FROM orders.orders', [(1600,)]),
        ('SELECT order_id FROM orders.orders EXCEPT SELECT order_id FROM "orders.orders@1#0" ORDER BY 1', [(1601,), (1700,)]),
        ("SELECT ordered_on::VARCHAR, count(*) AS n FROM orders.orders GROUP BY ALL HAVING n > 1", [("2026-11-16", 2)]),
        ("SELECT order_id FROM orders.orders QUALIFY row_number() OVER (ORDER BY total_eur DESC) = 1", [(1700,)]),
        ("SELECT sum(total_eur) OVER w::INT FROM orders.orders WINDOW w AS (ORDER BY order_id) ORDER BY 1", [(10,), (21,), (33,)]),
        ("FROM (PIVOT orders.orders ON ordered_on IN (DATE '2026-11-16') USING count(*)) SELECT count(*)", [(3,)]),
        ("SELECT * FROM (VALUES (1), (2)) AS v(n) WHERE n > 1", [(2,)]),
        ("SELECT count(*) FROM range(5)", [(5,)]),
        ("SELECT unnest([1, 2])", [(1,), (2,)]),
        ("SELECT list_sum(list_transform([1, 2], lambda x: x + 1))::INT, split_part('a,b', ',', 2), nullif(1, 1)", [(5, "b", None)]),
        (
            "SELECT [lower(x) FOR x IN ['A'] IF x <> 'B'], md5('a') = MD5('a'), coalesce(NULL, 1), 5 // 2, 'a' || 'b'",
            [(["a"], True, 1, 2, "ab")],
        ),
        ("SELECT now() >= current_date, random() < 1, current_timestamp IS NOT NULL, length(uuid()::VARCHAR)", [(True, True, True, 36)]),
        ("SELECT date_trunc('day', placed_at)::DATE = ordered_on FROM orders.orders LIMIT 1", [(True,)]),
        ("SELECT 1 -- one\n;", [(1,)]),
    ],
)
def test_any_one_select_is_run(sold, statement: str, found: list[tuple]) -> None:
    assert rows(sold, statement) == found


def test_the_order_of_the_rows_is_the_statements(sold) -> None:
    assert rows(sold, "SELECT order_id FROM orders.orders ORDER BY order_id DESC") == [(1700,), (1601,), (1600,)]


# What is refused


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO orders.orders VALUES (1)",
        "UPDATE orders.orders SET total_eur = 0",
        "DELETE FROM orders.orders",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW orders.orders",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "ATTACH ':memory:' AS other",
        "PRAGMA version",
        "CALL pragma_version()",
        "SET threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "EXPLAIN SELECT 1",
        "PREPARE q AS SELECT 1",
        "USE memory",
        "CHECKPOINT",
        "EXPORT DATABASE 'stolen'",
        "PIVOT orders.orders ON ordered_on USING count(*)",
    ],
)
def test_anything_but_a_select_is_refused(sold, statement: str) -> None:
    assert refused(sold, statement) == "Only one plain SELECT over products is run here."


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("WITH d AS (DELETE FROM orders.orders RETURNING *) SELECT * FROM d", "DELETE QUERY"),
        ("WITH d AS (INSERT INTO orders.orders VALUES (1) RETURNING *) SELECT * FROM d", "INSERT QUERY"),
        ("WITH d AS (UPDATE orders.orders SET total_eur = 0 RETURNING *) SELECT * FROM d", "UPDATE QUERY"),
        ("SELECT * FROM (WITH d AS (COPY (SELECT 1) TO 'stolen.csv') SELECT * FROM d)", "COPY QUERY"),
        ("DESCRIBE orders.orders", "SHOW REF"),
        ("SHOW TABLES", "SHOW REF"),
        ("FROM (SHOW ALL TABLES)", "SHOW REF"),
    ],
)
def test_a_select_that_hides_something_else_is_refused(sold, statement: str, what: str) -> None:
    assert refused(sold, statement) == f"Only one plain SELECT over products is run here; got {what}."


def test_a_statement_that_would_write_a_file_writes_none(sold, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen.csv"

    refused(sold, f"WITH d AS (COPY (SELECT 1) TO '{stolen}') SELECT * FROM d")

    assert not stolen.exists()


@pytest.mark.parametrize(
    ("statement", "count"), [("SELECT 1; SELECT 2", 2), ("FROM orders.orders; DROP VIEW orders.orders", None), ("", 0), (" ; ", 0)]
)
def test_exactly_one_statement_is_run(sold, statement: str, count: int | None) -> None:
    wanted = "Only one plain SELECT over products is run here." if count is None else f"Only one SELECT at a time is run here; got {count}."

    assert refused(sold, statement) == wanted


@pytest.mark.parametrize(
    "call",
    [
        "read_parquet('{file}')",
        "parquet_scan('{file}')",
        "parquet_metadata('{file}')",
        "read_csv('{file}')",
        "READ_CSV_AUTO('{file}')",
        "read_json('{file}')",
        "read_text('{file}')",
        "read_blob('{file}')",
        "system.main.read_text('{file}')",
        "glob('*')",
        "sniff_csv('{file}')",
        "query('FROM read_text(''{file}'')')",
        "query_table('{file}')",
        "histogram('{file}')",
        "json_execute_serialized_sql('{{}}')",
        "duckdb_tables()",
        "duckdb_views()",
        "duckdb_settings()",
        "duckdb_secrets()",
        "pragma_table_info('orders.orders')",
    ],
)
def test_a_table_function_that_reads_is_refused(sold, call: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    call = call.format(file=tmp_path / "secret.csv")
    name = call.partition("(")[0].rpartition(".")[2].lower()

    for statement in (f"FROM {call}", f"SELECT 1 WHERE 1 IN (SELECT 1 FROM {call})", f"WITH c AS (FROM {call}) SELECT 1"):
        assert (
            refused(sold, statement)
            == f"{name}() reads something that is no product; read products by address: select * from orders.orders"
        )


def test_every_table_function_of_duckdb_but_three_is_refused(sold) -> None:
    names = sold.con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')"
    ).fetchall()

    run = [name for (name,) in names if not _is_refused(sold.con, f'FROM "{name}"(1)')]

    assert len(names) > 100
    assert sorted(run) == ["generate_series", "range", "unnest"]


LOOK_AROUND = {
    *("current_catalog", "current_connection_id", "current_database", "current_query", "current_query_id", "current_schema"),
    *("current_schemas", "current_setting", "current_transaction_id", "txid_current", "getvariable", "in_search_path"),
    *("nextval", "currval", "setval", "setseed", "sleep_ms", "pg_sleep", "write_log", "stats", "vector_type"),
    *("format_type", "get_block_size", "pg_get_constraintdef", "pg_get_viewdef", "json_serialize_plan"),
}


def test_a_function_that_looks_at_more_than_values_is_refused_and_every_other_is_called(sold) -> None:
    """A new DuckDB brings new functions: one that it does not call consistent fails this test until it is listed."""
    found = sold.con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro', 'window') "
        r"AND regexp_full_match(function_name, '\w+')"
    ).fetchall()
    names = {name for (name,) in found}

    assert names >= LOOK_AROUND
    assert [name for name in sorted(LOOK_AROUND) if not _is_refused(sold.con, f'SELECT "{name}"(1)')] == []
    assert tables_of(sold.con, "SELECT " + ", ".join(f'"{name}"(1)' for name in sorted(names - LOOK_AROUND))) == frozenset()


def _is_refused(con: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        tables_of(con, statement)
    except QueryRefused:
        return True
    return False


@pytest.mark.parametrize(
    "expression",
    [
        "current_setting('home_directory')",
        "CURRENT_SETTING('home_directory')",
        "system.main.current_setting('home_directory')",
        "list_transform(['home_directory'], lambda x: current_setting(x))",
        "lag(current_setting('home_directory')) OVER ()",
        "sum(1) FILTER (current_setting('threads') > 0)",
        "CASE WHEN true THEN current_setting('threads') END",
    ],
)
def test_a_function_that_looks_at_settings_is_refused_wherever_it_stands(sold, expression: str) -> None:
    wanted = "current_setting() looks at more than its arguments; only functions of values are called here."

    assert refused(sold, f"SELECT {expression} FROM orders.orders") == wanted


def test_a_macro_is_refused_for_what_it_calls(sold) -> None:
    assert refused(sold, "SELECT pg_sleep(10)") == "sleep_ms() looks at more than its arguments; only functions of values are called here."
    assert refused(sold, "SELECT pg_get_viewdef(1)").startswith("duckdb_views() reads something that is no product")


def test_planning_another_text_is_refused_because_it_opens_its_files(sold, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    text = f"FROM read_csv(''{tmp_path}/secret.csv'')"

    assert "json_serialize_plan() looks at more" in refused(sold, f"SELECT json_serialize_plan('{text}')")


def test_an_unknown_function_is_named_with_the_nearest(sold) -> None:
    assert refused(sold, "SELECT getenv('HOME')") == "no function getenv(). Did you mean 'geomean'?"


@pytest.mark.parametrize(
    "name", ["{file}", "./secret.parquet", "secret.parquet.gz", "*.parquet", "http://127.0.0.1/a.csv", "orders/orders"]
)
def test_a_file_is_not_read_by_its_name(sold, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sold.con.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path}/secret.parquet'")
    monkeypatch.chdir(tmp_path)
    name = name.format(file=tmp_path / "secret.parquet")

    for quote in "\"'":
        with pytest.raises(AddressError, match="is not an address"):
            rows(sold, f"SELECT * FROM {quote}{name}{quote}")


def test_a_file_whose_name_looks_like_an_address_is_not_read(sold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sold.con.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path}/secret.parquet'")
    monkeypatch.chdir(tmp_path)

    for statement in ("FROM 'secret.parquet'", "FROM secret.parquet"):
        with pytest.raises(NotPublished, match=r"secret\.parquet is not published in this lake"):
            rows(sold, statement)


def test_a_cte_elsewhere_in_the_statement_does_not_open_a_file_of_its_name(sold, tmp_path: Path) -> None:
    secret = tmp_path / "secret.parquet"
    sold.con.execute(f"COPY (SELECT 1 AS a) TO '{secret}'")

    for statement in (
        f'FROM (WITH "{secret}" AS (SELECT 1) FROM "{secret}"), "{secret}"',
        f'WITH "{secret}" AS (FROM "{secret}") FROM "{secret}"',
        f'WITH a AS (FROM "{secret}"), "{secret}" AS (SELECT 1) FROM a',
    ):
        with pytest.raises((AddressError, QueryRefused), match=r"is not an address|name steps with letters"):
            rows(sold, statement)
    with pytest.raises(AddressError, match="is not an address"):
        rows(sold, "FROM (WITH step AS (SELECT 1) FROM step), step")


def test_a_variable_of_the_callers_is_not_read(sold) -> None:
    secret = sold.con.sql("SELECT 'secret' AS a")

    with pytest.raises(AddressError, match="'secret' is not an address"):
        rows(sold, "FROM secret")
    assert secret.fetchall() == [("secret",)]


@pytest.mark.parametrize(
    "table",
    ["information_schema.tables", "pg_catalog.pg_class", "main.sqlite_master", "main.duckdb_views", '"duckdb_tables"', "sqlite_master"],
)
def test_duckdbs_own_tables_are_no_products(sold, table: str) -> None:
    with pytest.raises((AddressError, NotPublished)):
        rows(sold, f"FROM {table}")


@pytest.mark.parametrize("table", ["memory.orders.orders", "system.information_schema.tables", "temp.main.x"])
def test_a_name_of_three_parts_is_no_address(sold, table: str) -> None:
    assert refused(sold, f"FROM {table}") == f"{table} is no address; write <domain>.<product>."


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELCT 1", 'Only one plain SELECT over products is run here. DuckDB says: syntax error at or near "SELCT"'),
        ("SELECT total FROM orders.orders", 'The query cannot be run. DuckDB says: Binder Error: Referenced column "total" not found'),
        ("SELECT 1 + 'a'::BLOB", "The query cannot be run. DuckDB says: Binder Error: No function matches"),
        ("SELECT ?", "The query cannot be run. DuckDB says: Invalid Input Error: Values were not provided"),
        (
            "FROM orders.orders AT (VERSION => 0)",
            "The query cannot be run. DuckDB says: Binder Error: Catalog type does not support time travel",
        ),
    ],
)
def test_a_mistake_in_the_statement_is_refused_in_duckdbs_words(sold, statement: str, said: str) -> None:
    message = refused(sold, statement)

    assert message.startswith(said)
    assert "LINE 1" not in message


@pytest.mark.parametrize(
    "statement", ["SELECT " + "abs(" * 400 + "1" + ")" * 400, "SELECT " + "1+" * 5000 + "1", "SELECT " + "(SELECT " * 300 + "1" + ")" * 300]
)
def test_a_statement_nested_without_end_is_refused(sold, statement: str) -> None:
    with pytest.raises(QueryRefused):
        rows(sold, statement)


@pytest.mark.parametrize("asks", [settled, is_repeatable, tables_of])
def test_a_statement_nested_without_end_is_refused_by_whoever_reads_it(sold, asks) -> None:
    with pytest.raises(QueryRefused, match="nested too deeply"):
        asks(sold.con, "FROM " + "(FROM " * 2500 + "range(1)" + ")" * 2500)


def test_what_a_statement_leaves_behind_is_seen_by_no_other(sold) -> None:
    reads = sold.reads()
    reads.sql("FROM orders.orders")

    for statement in ("FROM main.result", "FROM result", "FROM orders.result"):
        with pytest.raises(DagmeshError):
            reads.sql(statement)


def test_hidden_values_do_not_come_out_by_another_name(shop, tmp_path: Path) -> None:
    """The view masks before the statement sees anything, whatever the statement calls its parts."""
    shop.publish_profiles()
    lake: Lake = shop.lake
    columns = "email, born_on, credit_eur, seen_at, tags"

    for statement in (
        f"SELECT {columns} FROM customers.profiles",
        "SELECT COLUMNS('email|born_on|credit_eur|seen_at|tags') FROM customers.profiles",
        "SELECT unnest(row(email, born_on, credit_eur, seen_at, tags)) FROM customers.profiles",
        f"WITH customers AS (FROM customers.profiles) SELECT {columns} FROM customers",
        f"SELECT {columns} FROM customers.profiles AS p WHERE p.email IS NULL",
    ):
        found = run_query(shop.con.cursor(), Resolver(lake, "marketing"), statement)[0].fetchall()
        assert found == [(None,) * 5] * 2, statement


@pytest.mark.parametrize(
    "statement",
    [
        'WITH RECURSIVE "{file}" AS (SELECT email FROM "{file}" UNION SELECT NULL) SELECT * FROM "{file}"',
        'WITH RECURSIVE steps AS (SELECT email FROM "{file}" UNION SELECT NULL) SELECT * FROM steps',
        'WITH "{kelvin}" AS (SELECT 1 AS email) SELECT email FROM "{file}"',
        'WITH "{file}" AS (SELECT 1 AS email) SELECT email FROM "{file}"',
    ],
    ids=["recursive", "recursive, first half", "Kelvin sign", "plain"],
)
@pytest.mark.parametrize("reader", ["analyst", "stranger"])
def test_the_name_of_a_step_opens_no_file(shop, statement: str, reader: str) -> None:
    shop.publish_profiles()
    file = f"{shop.lake.root}/**/*.parquet"

    with pytest.raises((QueryRefused, AddressError)):
        rows(shop, statement.format(file=file, kelvin=file.replace("k", "\u212a")), reader)


def test_a_recursive_step_sees_itself_in_its_second_half(sold) -> None:
    statement = (
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT sum(i), count(*) FROM n, orders.orders"
    )

    assert rows(sold, statement) == [(18, 9)]
