"""The type table: every cell of it is what the engines say, and every value comes back through all of them."""

from __future__ import annotations

import enum
import json
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pytest
from tests.strategies import arrow_type

import dagmesh as dm
from dagmesh.audit.conform import column_types
from dagmesh.audit.frames import to_pandas
from dagmesh.model import types
from dagmesh.model.contract import Contract
from dagmesh.model.types import ColumnType, column_type


class Status(enum.Enum):
    NEW = "new"
    PAID = "paid"


@dataclass(frozen=True)
class Row:
    """One row of the type table with values at its edges."""

    annotation: Any
    duckdb: str
    arrow: str
    delta: str
    pandas: tuple[str, str]
    polars: str
    odcs: str
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return self.duckdb


NOON = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
OBJECT = ("object", "object")
MOMENT = ("datetime64[us, UTC]", "datetime64[us, UTC]")
# fmt: off
TABLE = [
    Row(int, "BIGINT", "int64", "long", ("int64", "Int64"), "Int64", "integer", (0, -1, 2**53 + 1, 2**63 - 1, -(2**63))),
    Row(float, "DOUBLE", "double", "double", ("float64", "float64"), "Float64", "number", (0.1, -0.0, 5e-324, 1e308, float("inf"))),
    Row(
        Decimal,
        "DECIMAL(18,2)",
        "decimal128(18, 2)",
        "decimal(18,2)",
        OBJECT,
        "Decimal(precision=18, scale=2)",
        "number",
        (Decimal("-0.01"), Decimal("9999999999999999.99")),
    ),
    Row(
        Annotated[Decimal, dm.digits(38, 10)],
        "DECIMAL(38,10)",
        "decimal128(38, 10)",
        "decimal(38,10)",
        OBJECT,
        "Decimal(precision=38, scale=10)",
        "number",
        (Decimal("0.0000000001"), Decimal("-9999999999999999999999999999.9999999999")),
    ),
    Row(
        Annotated[Decimal, dm.digits(4, 0)],
        "DECIMAL(4,0)",
        "decimal128(4, 0)",
        "decimal(4,0)",
        OBJECT,
        "Decimal(precision=4, scale=0)",
        "number",
        (Decimal(9999), Decimal(0)),
    ),
    Row(str, "VARCHAR", "string", "string", ("str", "str"), "String", "string", ("", "a\nb", "日本 😀", "it's", "\0")),
    Row(Literal["new", "paid"], "VARCHAR", "string", "string", ("str", "str"), "String", "string", ("new", "paid")),
    Row(Status, "VARCHAR", "string", "string", ("str", "str"), "String", "string", ("new", "paid")),
    Row(bool, "BOOLEAN", "bool", "boolean", ("bool", "boolean"), "Boolean", "boolean", (True, False)),
    Row(date, "DATE", "date32[day]", "date", OBJECT, "Date", "date", (date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31))),
    Row(
        datetime,
        "TIMESTAMP WITH TIME ZONE",
        "timestamp[us, tz=UTC]",
        "timestamp",
        MOMENT,
        "Datetime(time_unit='us', time_zone='UTC')",
        "timestamp",
        (NOON, datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)),
    ),
]
# fmt: on
TABLE += [
    Row(
        list[row.annotation],
        f"{row.duckdb}[]",
        f"list<{row.arrow}>",
        json.dumps({"type": "array", "elementType": row.delta, "containsNull": True}),
        OBJECT,
        f"List({row.polars})",
        "array",
        ([], [*row.values, None], [None]),
    )
    for row in TABLE
]
NULLABLE = pytest.mark.parametrize("nullable", [False, True], ids=["given", "nullable"])
EVERY = pytest.mark.parametrize("row", TABLE, ids=str)


def made(row: Row, *, nullable: bool) -> type[Contract]:
    hints = {"c": typing.Optional[row.annotation] if nullable else row.annotation}  # noqa: UP045 - Literal | None is no type at run time
    contract: type[Contract] = type("One", (Contract,), {"__doc__": "One.", "__annotations__": hints, "c": dm.field(description="Any.")})
    assert not contract.problems
    return contract


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@EVERY
@NULLABLE
def test_a_column_has_the_tables_types(row: Row, nullable: bool) -> None:
    column = made(row, nullable=nullable).columns[0]

    assert column.nullable is nullable
    assert (column.type.duckdb, column.type.polars, column.type.odcs) == (row.duckdb, row.polars, row.odcs)
    assert (column.type.delta if isinstance(column.type.delta, str) else json.dumps(column.type.delta)) == row.delta
    assert column.type.pandas(nullable) == row.pandas[nullable]


@EVERY
@NULLABLE
def test_every_value_comes_back_from_every_engine(con: duckdb.DuckDBPyConnection, tmp_path: Path, row: Row, nullable: bool) -> None:
    contract, values = made(row, nullable=nullable), [*row.values, *([None] if nullable else [])]
    file = tmp_path / "rows.parquet"

    con.execute(f"COPY (SELECT unnest($1::{row.duckdb}[]) AS c) TO '{file}' (FORMAT parquet)", [values])
    assert column_types(con, f"'{file}'") == {"c": row.duckdb}
    assert [found for (found,) in con.execute(f"FROM '{file}'").fetchall()] == values

    arrow = con.sql(f"FROM '{file}'").to_arrow_table()
    assert _spelled(arrow.schema.field("c").type) == row.arrow
    assert arrow["c"].to_pylist() == values

    frame = to_pandas(arrow, contract)
    assert str(frame["c"].dtype) == row.pandas[nullable]
    assert contract.validate(frame) is not None
    assert pa.Table.from_pandas(frame, schema=arrow.schema)["c"].to_pylist() == values

    polars = pl.from_arrow(arrow)
    assert isinstance(polars, pl.DataFrame)
    assert repr(polars.schema["c"]) == row.polars
    assert polars.to_arrow().cast(arrow.schema)["c"].to_pylist() == values


@EVERY
def test_every_value_comes_back_from_a_delta_table(con: duckdb.DuckDBPyConnection, tmp_path: Path, row: Row) -> None:
    kind = _kind(row)
    schema = deltalake.Schema.from_json(
        json.dumps({"type": "struct", "fields": [{"name": "c", "type": kind.delta, "nullable": True, "metadata": {}}]})
    )
    assert _spelled(pa.schema(schema.to_arrow()).field("c").type) == row.arrow

    con.execute(f"CREATE TABLE rows AS SELECT unnest($1::{row.duckdb}[]) AS c", [[*row.values, None]])
    deltalake.DeltaTable.create(tmp_path, schema=schema)
    deltalake.write_deltalake(tmp_path, con.sql("FROM rows").to_arrow_table(), mode="append")
    files = deltalake.DeltaTable(tmp_path).file_uris()

    assert column_types(con, f"read_parquet({files})") == {"c": row.duckdb}
    assert con.execute(f"FROM read_parquet({files})").fetchall() == [(value,) for value in [*row.values, None]]


def test_the_documented_table_has_these_cells() -> None:
    lines = [line.strip("|").split("|") for line in (types.__doc__ or "").splitlines() if line.startswith("| ")]
    documented = {re.split(r"[,\[(]", cells[0])[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[1:]}
    plain = {"int": 0, "float": 1, "str": 5, "bool": 8, "datetime.date": 9, "datetime.datetime": 10}
    short = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "Datetime(time_unit='us', time_zone='UTC')": "Datetime('us', 'UTC')"}

    for name, row in ((name, TABLE[place]) for name, place in plain.items()):
        duckdb_type, arrow, delta, _, polars, odcs = documented[name]
        expected = [short.get(cell, cell) for cell in (row.duckdb, row.arrow, row.delta, row.polars, row.odcs)]
        assert [duckdb_type, arrow, delta, polars, odcs] == expected


@pytest.mark.parametrize(
    "annotation",
    [bytes, complex, dict[str, int], list[list[int]], int | str, Literal[1, 2], enum.Enum("Numbers", {"ONE": 1}), None, list, "int"],
)
def test_a_type_outside_the_table_is_none(annotation: Any) -> None:
    assert column_type(annotation) is None


@pytest.mark.parametrize(("precision", "scale"), [(0, 0), (39, 0), (5, 6), (5, -1)])
def test_digits_that_no_decimal_has_are_refused(precision: int, scale: int) -> None:
    with pytest.raises(ValueError, match=rf"digits\({precision}, {scale}\): precision is 1 to 38 and scale 0 to precision"):
        dm.digits(precision, scale)


def test_an_enumerations_values_are_a_rule() -> None:
    assert [rule.value for rule in made(Row(Status, "", "", "", OBJECT, "", "", ()), nullable=False).rules if rule.kind == "isin"] == [
        ("new", "paid")
    ]


def _kind(row: Row) -> ColumnType:
    found = column_type(row.annotation)
    assert found is not None
    assert _spelled(arrow_type(found[0])) == row.arrow
    return found[0]


def _spelled(kind: pa.DataType) -> str:
    """The type's name; a list's without the name of its items, which differs by writer."""
    return f"list<{_spelled(kind.value_type)}>" if pa.types.is_list(kind) else str(kind)
