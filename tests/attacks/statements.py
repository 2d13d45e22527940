"""Hostile statements, each with what becomes of it: the kind of its problem, or the rows that it gives because they are harmless."""

from __future__ import annotations

from typing import Any

REFUSED, LIMIT, ADDRESS, ACCESS, UNKNOWN = "QueryRefused", "QueryLimit", "AddressError", "AccessRefused", "NotPublished"

# `{file}` is a file with a secret, `{lake}` the lake's folder, `{out}` a path at which there is no file.
FILES = [
    *("SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_blob('/etc/passwd')"),
    *(
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM glob('{lake}/*')",
    ),
    *("SELECT * FROM read_text('{lake}/../secret.txt')", "SELECT * FROM read_parquet('{lake}/**/*.parquet') LIMIT 1"),
    *("SELECT * FROM parquet_kv_metadata('{file}')", "SELECT * FROM parquet_bloom_probe('{file}', 'secret', 1)"),
    *("SELECT * FROM read_csv('http://127.0.0.1:18701/csv')", "SELECT * FROM read_duckdb('{file}')", "SELECT * FROM read_json('{file}')"),
    *("SELECT * FROM read_csv_auto('{file}')", "SELECT * FROM parquet_schema('{file}')", "SELECT * FROM parquet_file_metadata('{file}')"),
    *("COPY (SELECT 1) TO '{out}'", "COPY (FROM customers.profiles) TO '{out}' (FORMAT parquet)", "EXPORT DATABASE '{out}'"),
    *("WITH d AS (COPY (SELECT 1) TO '{out}') FROM d", "ATTACH '{out}' AS a", "ATTACH ':memory:' AS m2", "IMPORT DATABASE '{lake}'"),
    *("EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')", "SUMMARIZE SELECT * FROM read_text('/etc/passwd')", "CHECKPOINT"),
    *("SELECT json_serialize_plan('FROM read_csv(''{file}'')')", "PRAGMA import_database('{lake}')", "DETACH memory"),
]
SETTINGS = [
    *(
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{file}'",
        "UPDATE EXTENSIONS",
        "SET enable_external_access=true",
        "SET lock_configuration=false",
    ),
    *("RESET lock_configuration", "SET memory_limit='100GB'", "SET threads=64", "SET allowed_directories=['/']", "SET VARIABLE x=1"),
    *("SET SESSION search_path='main'", "PRAGMA enable_profiling", "SET profiling_output='{out}'", "PRAGMA enable_object_cache"),
    *("SET log_query_path='{out}'", "CALL enable_logging(storage='file', storage_path='{out}')", "CALL enable_logging()", "USE memory"),
    *("CREATE PERSISTENT SECRET s (TYPE http)", "CREATE SECRET s2 (TYPE http, BEARER_TOKEN 'x')", "PRAGMA database_list"),
    *("SELECT current_setting('allowed_directories')", "SELECT getenv('HOME')", "SELECT getvariable('x')", "SELECT write_log('x')"),
    *("SELECT current_query()", "SELECT current_schemas(true)", "SELECT txid_current()", "SELECT nextval('s')", "SELECT pg_sleep(10)"),
]
OTHERS = [
    *("FROM duckdb_secrets()", "FROM duckdb_databases()", "SELECT sql FROM duckdb_views() WHERE NOT internal", "FROM duckdb_logs()"),
    *("FROM duckdb_settings() WHERE name LIKE '%dir%'", "FROM duckdb_extensions() LIMIT 1", "FROM which_secret('s3://x', 's3')"),
    *("SELECT * FROM query('FROM read_text(''/etc/passwd'')')", "SELECT * FROM query_table('/etc/passwd')", "FROM pragma_table_info('x')"),
    *(
        "SELECT * FROM pandas_scan(94000000)",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM arrow_scan_dumb(1, 2, 3)",
        "FROM seq_scan(1)",
    ),
    *("SELECT * FROM json_execute_serialized_sql(json_serialize_sql('select 1'))", "PRAGMA json_execute_serialized_sql('{}')"),
    *("CREATE OR REPLACE VIEW customers.profiles AS SELECT 1", "CREATE TABLE junk AS SELECT 1", "CREATE MACRO md5(x) AS 'pwned'"),
    *(
        "DROP VIEW customers.profiles",
        "PREPARE q AS SELECT * FROM read_text('/etc/passwd')",
        "EXECUTE q",
        "DEALLOCATE q",
        "BEGIN",
        "VACUUM",
    ),
    *("WITH d AS (DELETE FROM orders.orders RETURNING *) FROM d", "WITH d AS (INSERT INTO orders.orders VALUES (1) RETURNING *) FROM d"),
    *("MERGE INTO orders.orders USING orders.orders ON true WHEN MATCHED THEN DELETE", "DESCRIBE customers.profiles", "SHOW ALL TABLES"),
    *(
        "SELECT 1; SELECT 2",
        "",
        ";",
        "SELECT * FROM memory.customers.profiles",
        "FROM system.information_schema.tables",
        "SELECT ?",
        "SELECT $x",
    ),
    *(
        "SELECT list_aggregate([1], 'getenv')",
        "SELECT 'x'::regclass",
        "SELECT rowid FROM orders.orders",
        "SELECT filename FROM orders.orders",
    ),
    *("FROM orders.orders AT (VERSION => 0)", "SELECT __internal_decompress_string(1::UBIGINT)"),
    *("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "SELECT 1" + "+1" * 5_000, "FROM " + "(FROM " * 2_500 + "range(1)" + ")" * 2_500),
]
NAMES = [
    *(
        ("FROM '/etc/passwd'", ADDRESS),
        ('FROM "/etc/hosts.csv"', ADDRESS),
        ("FROM '{file}'", ADDRESS),
        ("FROM '{lake}/**/*.parquet'", ADDRESS),
    ),
    *(("SELECT * FROM secret_df", ADDRESS), ("FROM slice_0", ADDRESS), ("FROM duckdb_tables", ADDRESS), ("FROM sqlite_master", ADDRESS)),
    *(("FROM information_schema.tables", UNKNOWN), ("FROM pg_catalog.pg_class", UNKNOWN), ("FROM main.duckdb_views", UNKNOWN)),
    *(("FROM ledger.entries", ACCESS), ('FROM "ledger.entries@1#0"', ACCESS), ("FROM orders.orders, ledger.entries", ACCESS)),
    *(("SELECT 1 WHERE EXISTS (FROM ledger.entries)", ACCESS), ("WITH t AS (FROM ledger.entries) SELECT 1", ACCESS)),
    *(("WITH ledger AS (SELECT 1) FROM ledger.entries", ACCESS), ("SELECT * FROM (FROM LEDGER.ENTRIES)", ACCESS)),
    *(("FROM ledger.nothing", UNKNOWN), ('FROM "ledger.entries@2"', UNKNOWN), ('FROM "ledger.entries@1#7"', UNKNOWN)),
    *(("SELECT 'a\0b' FROM x\0.y", ADDRESS), ("FROM l\u0435dger.entries", ADDRESS), ("FROM ledger\u200b.entries", ACCESS)),
    *(('FROM "../ledger.entries"', ADDRESS), ('FROM "ledger.entries@1#-1"', ADDRESS), ('FROM "orders.orders@1/../../ledger"', ADDRESS)),
    *(("SELECT 1 FROM (SELECT 1) t, LATERAL (FROM ledger.entries)", ACCESS), ("SELECT (SELECT max(secret) FROM ledger.entries)", ACCESS)),
    *(("FROM orders.orders UNION ALL BY NAME FROM ledger.entries", ACCESS), ("FROM orders.orders EXCEPT FROM ledger.entries", ACCESS)),
]
BOMBS = [
    *(
        "SELECT repeat('x', 2000000000)",
        "SELECT rpad('x', 2000000000, 'y')",
        "SELECT format('{:>2000000000}', 'a')",
        "SELECT bitstring('1', 2000000000)",
    ),
    *("SELECT list_resize([1], 4000000000)", "SELECT unnest(range(4000000000))", "SELECT string_split(repeat('a,', 300000000), ',')"),
    *("WITH RECURSIVE t AS (SELECT 'x' AS x UNION ALL SELECT x || x FROM t) SELECT max(length(x)) FROM t",),
    *("SELECT list_transform(range(1000000), lambda x: list_transform(range(100000), lambda y: x * y))",),
    *(
        "SELECT count(*) FROM range(1000000) a JOIN range(1000000) b ON a.range < b.range",
        "SELECT x" + ".a" * 45_000,
        "SELECT '" + "x" * 100_000 + "'",
    ),
]
HARMLESS: list[tuple[str, list[list[Any]]]] = [
    ("SELECT current_user, current_schema, current_catalog", [["duckdb", "main", "memory"]]),
    ("WITH slice_0 AS (SELECT 1 AS q), profiles AS (SELECT 2) SELECT count(*) FROM customers.profiles", [[2]]),
    ("SELECT count(*) FROM customers.profiles, customers.profiles AS customers", [[4]]),
    ("SELECT regexp_matches(repeat('a', 100000), '(a+)+$')", [[True]]),
    ("SELECT regexp_full_match(repeat('a', 30000) || 'b', '(a|a)*(a|a)*(a|a)*c')", [[False]]),
    ("SELECT count(*) FROM customers.profiles WHERE city = e'Linz'' OR true; --'", [[0]]),
    ("SELECT length('; DROP TABLE x --')", [[17]]),
]
