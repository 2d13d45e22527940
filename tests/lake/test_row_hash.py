"""The hash of a row: DuckDB's own, which takes structured texts for each other, mended."""

import duckdb
import pytest

from dagmesh.lake.row_hash import row_hash_sql

FAMILIES = {
    "addresses": "'user' || i || '@mail' || j || '.example.com' FROM range(200000, 220000) a(i), range(10) b(j)",
    "references": "'order-' || (DATE '2000-01-01' + i::INTEGER) || '-ref-' || j FROM range(2000) a(i), range(100) b(j)",
    "hexadecimal": "printf('%016x%016x', i * 16, j * 16) FROM range(500) a(i), range(500) b(j)",
}


@pytest.mark.parametrize("values", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize(("kind", "made"), [("VARCHAR", "word"), ("VARCHAR[]", "[word, 'x']")])
def test_structured_texts_have_hashes_of_their_own(con: duckdb.DuckDBPyConnection, values: str, kind: str, made: str) -> None:
    con.execute(f"CREATE TABLE texts AS SELECT {made} AS word FROM (SELECT {values}) AS v(word)")

    rows, hashes = con.execute(f"SELECT count(DISTINCT word), count(DISTINCT {row_hash_sql([('word', kind)])}) FROM texts").fetchall()[0]

    assert rows == hashes > 100_000


def test_duckdbs_own_hash_still_takes_some_texts_for_each_other(con: duckdb.DuckDBPyConnection) -> None:
    """When it does not any more, hashing text twice can go."""
    rows, hashes = con.execute(f"SELECT count(*), count(DISTINCT hash(w)) FROM (SELECT {FAMILIES['addresses']}) AS v(w)").fetchall()[0]

    assert hashes < 0.99 * rows


def test_a_value_that_moves_to_another_column_makes_another_row(con: duckdb.DuckDBPyConnection) -> None:
    row = row_hash_sql([("a", "VARCHAR"), ("b", "VARCHAR")])

    ((hashes,),) = con.execute(
        f"SELECT count(DISTINCT {row}) FROM (VALUES ('x', 'y'), ('y', 'x'), ('xy', ''), ('', 'xy'), (NULL, 'xy'), ('xy', NULL)) AS v(a, b)"
    ).fetchall()

    assert hashes == 6


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
