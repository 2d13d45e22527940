"""The scan: rows, days and repeats counted once, exactly, in bounded memory."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from tests.strategies import arrow_type, product

import dagmesh as dm
from dagmesh.audit.audit import audit
from dagmesh.audit.compile import Step, compiled, incomplete
from dagmesh.audit.scan import Staged, Tallies, is_repeated_sql, repeated_sql, scan
from dagmesh.model.contract import Contract
from dagmesh.model.rule import Rule

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
NAN = float("nan")


def scanned(con: duckdb.DuckDBPyConnection, contract: type[Contract], staged: Staged) -> Tallies:
    return scan(con, staged, compiled(contract), incomplete(contract), {}).tallies


@pytest.mark.parametrize(
    ("annotation", "values", "failing"),
    [
        (int, [1, 2, 3, None], 0),
        (int, [1, 1, 1, 2, 2, 3], 5),
        (int, [None, None, 1], 2),
        (float, [0.0, -0.0, 1.0], 2),
        (float, [NAN, None, NAN, 1.0], 3),
        (float, [float("inf"), float("-inf")], 0),
        (str, ["a", "A", "a ", "", None], 0),
        (str, ["é", "e\u0301", "é"], 2),
        (list[int], [[1, None], [1, None], [1], [], None], 2),
        (list[float], [[0.0, NAN], [-0.0, NAN], [None]], 2),
        (bool, [True, True, False], 2),
        (date, [MONDAY, MONDAY, TUESDAY], 2),
    ],
)
def test_every_row_of_a_group_of_equals_fails(con: duckdb.DuckDBPyConnection, annotation: Any, values: list[Any], failing: int) -> None:
    namespace = {"__doc__": "One.", "__annotations__": {"c": annotation | None}, "c": dm.field(unique=True, description="Any.")}
    contract: type[Contract] = type("One", (Contract,), namespace)
    con.register("rows", pa.table({"c": pa.array(values, arrow_type(contract.columns[0].type))}))

    assert scanned(con, contract, Staged("rows"))[None].failing == {"c__unique": failing}


class Keyed(dm.Contract):
    """One row per name and day."""

    name: str = dm.field(key=True, description="Name.")
    rate: float = dm.field(key=True, description="Rate.")
    day: date = dm.field(description="UTC day.")


def test_a_key_is_unique_by_day_and_as_a_whole(con: duckdb.DuckDBPyConnection) -> None:
    rows = [("a", 1.0, MONDAY), ("a", 1.0, TUESDAY), ("a", 2.0, MONDAY), (None, NAN, MONDAY), (None, None, MONDAY), ("b", 2.0, TUESDAY)]
    names = ("name", "rate", "day")
    types = (pa.string(), pa.float64(), pa.date32())
    con.register("rows", pa.table({name: pa.array([row[i] for row in rows], types[i]) for i, name in enumerate(names)}))

    tallies = scanned(con, Keyed, Staged("rows", "day"))

    assert {day: (tally.rows, tally.incomplete, tally.failing["key__unique"]) for day, tally in tallies.items()} == {
        MONDAY: (4, 2, 2),
        TUESDAY: (2, 0, 0),
    }
    assert scanned(con, Keyed, Staged("rows"))[None].failing["key__unique"] == 4


def test_values_whose_hashes_collide_are_not_equal(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE rows AS SELECT unnest(['a', 'b', 'c', 'c']) AS word")
    con.execute("CREATE MACRO hash(value) AS 7")
    step = Step(Rule("unique", ("word",)), "unique", '"word"')

    assert con.execute(f"FROM {repeated_sql(Staged('rows'), step)}").fetchall() == [(None, (None, "c"), 2)]
    tally = scan(con, Staged("rows"), [step], "FALSE", {}).tallies[None]
    assert (tally.failing, tally.marks) == ({"word__unique": 2}, {"word__unique": [7]})
    assert con.execute(f"FROM rows WHERE {is_repeated_sql(Staged('rows'), step, [7])}").fetchall() == [("c",), ("c",)]


def test_good_rows_of_a_year_are_read_once_whatever_the_number_of_rules(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE rows AS SELECT 'a' || range AS name, 1::DOUBLE AS rate, DATE '2026-01-01' + range::INTEGER AS day FROM range(365)"
    )
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    con.execute("CALL enable_logging('QueryLog')")

    report = audit(con, "rows", product(Keyed, "day"), days=days)

    statements = [row[0] for row in con.execute("SELECT message FROM duckdb_logs WHERE message LIKE '%FROM rows%'").fetchall()]
    assert len(report.passed_days) == 365
    assert [statement.split()[0] for statement in statements] == ["DESCRIBE", "SELECT"]


def test_repeats_are_found_in_little_memory(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET memory_limit = '64MB'")
    con.execute("SET temp_directory = ''")
    twice = "FROM (VALUES ('a', 1, DATE '2026-11-16'), ('a', 1, DATE '2026-11-16'))"
    wide = f"(SELECT repeat(range::VARCHAR, 40) AS name, 1::DOUBLE AS rate, DATE '2026-11-16' AS day FROM range(400_000) UNION ALL {twice})"

    assert scanned(con, Keyed, Staged(wide))[None].failing["key__unique"] == 2
