"""Rows are brought into the contract's columns by casts that lose nothing; every other difference is named with its mend."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import duckdb
import pytest

import dagmesh as dm
from dagmesh.audit.conform import column_types, conform_sql
from dagmesh.errors import AuditRefused, SchemaMismatch
from dagmesh.model.contract import Contract

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Orders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, description="Number.")
    total_eur: Annotated[Decimal, dm.digits(10, 2)] = dm.field(description="Total.")
    weight_kg: float = dm.field(description="Weight.")
    placed_at: datetime = dm.field(description="Moment.")
    is_gift: bool = dm.field(description="Gift.")


GOOD = """1::BIGINT AS order_id, 1::DECIMAL(10,2) AS total_eur, 1::DOUBLE AS weight_kg,
    TIMESTAMPTZ '2024-01-01 12:00:00+00' AS placed_at, TRUE AS is_gift"""


def one(annotation: Any) -> type[Contract]:
    made: type[Contract] = type(
        "One", (Contract,), {"__doc__": "One.", "__annotations__": {"c": annotation}, "c": dm.field(description="Any.")}
    )
    return made


def conformed(con: duckdb.DuckDBPyConnection, annotation: Any, value: str) -> list[Any]:
    contract = one(annotation)
    sql = conform_sql(con, f"(SELECT {value} AS c)", contract)
    assert column_types(con, sql) == {"c": contract.columns[0].type.duckdb}
    return [row[0] for row in con.execute(f"FROM {sql}").fetchall()]


def test_rows_with_the_contracts_columns_are_taken_as_they_are_in_its_order(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"CREATE VIEW made AS SELECT is_gift, * EXCLUDE (is_gift) FROM (SELECT {GOOD})")

    sql = conform_sql(con, "made", Orders)

    assert list(column_types(con, sql)) == ["order_id", "total_eur", "weight_kg", "placed_at", "is_gift"]
    assert "CAST" not in sql
    assert con.execute(f"FROM {sql}").fetchall() == [(1, Decimal("1.00"), 1.0, NOON, True)]


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        *(
            (int, f"7::{integer}", 7)
            for integer in ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT")
        ),
        (float, "0.1::FLOAT", 0.10000000149011612),
        *((float, f"7::{integer}", 7.0) for integer in ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")),
        (Annotated[Decimal, dm.digits(12, 4)], "1.5::DECIMAL(38,1)", Decimal("1.5000")),
        (Annotated[Decimal, dm.digits(12, 4)], "1.25::DECIMAL(3,2)", Decimal("1.2500")),
        (Annotated[Decimal, dm.digits(12, 4)], "sum(2::BIGINT)", Decimal("2.0000")),
        (str, "'a'::ENUM('a', 'b')", "a"),
        (str, "'12345678-1234-1234-1234-123456789abc'::UUID", "12345678-1234-1234-1234-123456789abc"),
        (datetime, "TIMESTAMPTZ '2024-01-01 12:00:00+00'::TIMESTAMPTZ_NS", NOON),
        (datetime, "NULL::TIMESTAMPTZ_NS", None),
        (list[int], "[1, 2]::INTEGER[]", [1, 2]),
        (list[int], "[1, 2]::INTEGER[2]", [1, 2]),
        (list[str], "['a']::ENUM('a')[]", ["a"]),
        (list[int], "NULL", None),
        (list[int], "[]", []),
        (date, "NULL", None),
        (bool, "NULL", None),
    ],
)
def test_a_cast_that_loses_nothing_is_made(con: duckdb.DuckDBPyConnection, annotation: Any, value: str, expected: Any) -> None:
    assert conformed(con, annotation, value) == [expected]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "9223372036854775808::HUGEINT"),
        (Annotated[Decimal, dm.digits(4, 2)], "100::DECIMAL(38,0)"),
        (Annotated[Decimal, dm.digits(4, 2)], "100"),
        (datetime, "'2024-01-01 12:00:00.000000001+00'::TIMESTAMPTZ_NS"),
    ],
)
def test_a_value_that_a_cast_would_lose_raises_when_it_is_read(con: duckdb.DuckDBPyConnection, annotation: Any, value: str) -> None:
    sql = conform_sql(con, f"(SELECT {value} AS c)", one(annotation))

    with pytest.raises(duckdb.Error):
        con.execute(f"FROM {sql}").fetchall()


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "1.0::DOUBLE"),
        (int, "'1'"),
        (int, "1::DECIMAL(10,0)"),
        (int, "TRUE"),
        (float, "1::BIGINT"),
        (float, "1::DECIMAL(10,2)"),
        (Decimal, "1.0::DOUBLE"),
        (Decimal, "1.001::DECIMAL(10,3)"),
        (Decimal, "'1'"),
        (str, "1"),
        (str, "'{}'::JSON"),
        (str, "['a']"),
        (str, "['a']::ENUM('a')[]"),
        (bool, "1"),
        (bool, "'true'"),
        (date, "TIMESTAMP '2024-01-01'"),
        (date, "'2024-01-01'"),
        (datetime, "TIMESTAMP '2024-01-01'"),
        (datetime, "TIMESTAMP_NS '2024-01-01'"),
        (datetime, "DATE '2024-01-01'"),
        (datetime, "'2024-01-01'"),
        (list[int], "['1']"),
        (list[int], "1"),
        (list[int], "[[1]]"),
    ],
)
def test_a_cast_that_may_lose_something_is_refused(con: duckdb.DuckDBPyConnection, annotation: Any, value: str) -> None:
    with pytest.raises(SchemaMismatch):
        conform_sql(con, f"(SELECT {value} AS c)", one(annotation))


def test_every_difference_is_named_with_what_to_write(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE VIEW made AS SELECT 1 AS orderid, 1.5::DOUBLE AS total_eur, '1.5' AS weight_kg, TIMESTAMP '2024-01-01' AS placed_at, "
        "1::INTEGER AS is_gift, 1.005::DECIMAL(20,3) AS extra_eur"
    )

    with pytest.raises(SchemaMismatch) as raised:
        conform_sql(con, "made", Orders)

    assert isinstance(raised.value, AuditRefused)
    assert len(raised.value.differences) == 7
    assert str(raised.value) == (
        "Orders: the rows have not the contract's columns:\n"
        "  column 'order_id' is missing; select a BIGINT of that name. Did you mean 'orderid'?\n"
        "  column 'total_eur' is a DOUBLE, the contract says DECIMAL(10,2); it is not exact, so say how it is rounded: "
        "CAST(round(total_eur, 2) AS DECIMAL(10,2)) AS total_eur.\n"
        "  column 'weight_kg' is a VARCHAR, the contract says DOUBLE; text is not read as anything else unasked, so cast it: "
        "CAST(weight_kg AS DOUBLE) AS weight_kg.\n"
        "  column 'placed_at' is a TIMESTAMP, the contract says TIMESTAMP WITH TIME ZONE; it does not say its time zone, "
        "so say which it is in: placed_at AT TIME ZONE 'UTC' AS placed_at.\n"
        "  column 'is_gift' is an INTEGER, the contract says BOOLEAN; the cast may lose something, so write it: "
        "CAST(is_gift AS BOOLEAN) AS is_gift.\n"
        "  column 'orderid' is not in the contract; leave it out, or add it there. Did you mean 'order_id'?\n"
        "  column 'extra_eur' is not in the contract; leave it out, or add it there. Did you mean 'total_eur'?"
    )


@pytest.mark.parametrize("value", ["1.5::DOUBLE", "'1.5'", "1.505::DECIMAL(20,3)"])
def test_the_cast_the_message_writes_mends_the_rows(con: duckdb.DuckDBPyConnection, value: str) -> None:
    with pytest.raises(SchemaMismatch) as raised:
        conform_sql(con, f"(SELECT {value} AS c)", one(Decimal))
    cast = raised.value.differences[0].split(": ")[1].removesuffix(".")

    assert conform_sql(con, f"(SELECT {cast} FROM (SELECT {value} AS c))", one(Decimal))


def test_names_differ_when_their_case_does(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SchemaMismatch):
        conform_sql(con, "(SELECT 1::BIGINT AS C)", one(int))
