"""The four forms of a product's inputs and result: every value goes in and comes out as it is."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dagmesh as dm
from dagmesh.audit.conform import conform_sql
from dagmesh.errors import DefinitionError
from dagmesh.model.contract import Contract
from dagmesh.model.domain import Product
from dagmesh.orchestrate.forms import computed, given

NOON = datetime(2026, 11, 19, 12, 0, 0, 123456, UTC)


class Everything(dm.Contract):
    """One row per row."""

    row_id: int = dm.field(key=True, description="Number of the row.")
    count: int | None = dm.field(description="A number without a fraction.")
    share: float | None = dm.field(description="A number with one.")
    total_eur: Decimal | None = dm.field(unit="EUR", description="Money.")
    name: str | None = dm.field(description="A text.")
    is_new: bool | None = dm.field(description="A truth.")
    sold_on: date | None = dm.field(description="A day.")
    sold_at: datetime | None = dm.field(description="A moment.")
    tags: list[str] | None = dm.field(description="Texts.")
    amounts: list[Decimal] | None = dm.field(description="Moneys.")


FULL = (1, 2**53 + 1, 0.1, Decimal("9999999999999999.99"), 'é, "x"\n😀', True, date(1582, 1, 1), NOON, ["a", "", "b"], [Decimal("0.10")])
EMPTY = (2, None, None, None, None, None, None, None, None, None)
EDGES = (3, -(2**63), -0.0, Decimal("-0.01"), "", False, date(2026, 12, 31), datetime(1969, 12, 31, 23, 59, tzinfo=UTC), [], [])
ROWS = [FULL, EMPTY, EDGES]


@dm.data_product(
    contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.", name="relations"
)
def as_relation(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    assert isinstance(rows, duckdb.DuckDBPyRelation)
    return dm.sql("SELECT * FROM rows", rows=rows)


@dm.data_product(contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.", name="frames")
def as_pandas(rows: pd.DataFrame) -> pd.DataFrame:
    assert isinstance(rows, pd.DataFrame)
    return rows


@dm.data_product(
    contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.", name="polar_frames"
)
def as_polars(rows: pl.DataFrame) -> pl.DataFrame:
    assert isinstance(rows, pl.DataFrame)
    return rows


@dm.data_product(contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.", name="tables")
def as_arrow(rows: pa.Table) -> pa.Table:
    assert isinstance(rows, pa.Table)
    return rows


FORMS = [as_relation, as_pandas, as_polars, as_arrow]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        yield connection


def table(con: duckdb.DuckDBPyConnection, rows: list[tuple], contract: type[Contract] = Everything) -> str:
    """The name of a new table with the rows, in the contract's own types."""
    columns = ", ".join(f'"{column.name}" {column.type.duckdb}' for column in contract.columns)
    con.execute(f"CREATE OR REPLACE TABLE given ({columns})")
    for row in rows:
        con.execute(f"INSERT INTO given VALUES ({', '.join('?' * len(row))})", list(row))
    return "given"


def through(con: duckdb.DuckDBPyConnection, product: Product, rows: list[tuple]) -> list[tuple]:
    """The rows after a run: given to the function in its form, taken back, brought to the contract's types."""
    result = computed(con, product, {"rows": table(con, rows)}, None)
    return con.sql(f"FROM {conform_sql(con, result, product.contract)} ORDER BY row_id").fetchall()


@pytest.mark.parametrize("product", FORMS, ids=lambda product: product.name)
def test_a_row_comes_out_as_it_went_in(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    found = through(con, product, ROWS)

    assert found == ROWS
    assert str(found[2][2]) == "-0.0"


@pytest.mark.parametrize("product", FORMS, ids=lambda product: product.name)
def test_columns_without_a_single_value_keep_their_types(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    assert through(con, product, [EMPTY]) == [EMPTY]


@pytest.mark.parametrize("product", FORMS, ids=lambda product: product.name)
def test_no_rows_are_no_rows(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    assert through(con, product, []) == []


@pytest.mark.parametrize(
    ("form", "kind"), [("duckdb", duckdb.DuckDBPyRelation), ("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)]
)
def test_the_annotation_chooses_the_form(con: duckdb.DuckDBPyConnection, form: str, kind: type) -> None:
    rows = given(con, form, table(con, [FULL]))

    assert isinstance(rows, kind)
    assert list(rows.columns if form != "arrow" else rows.column_names) == [column.name for column in Everything.columns]


def test_pandas_gets_the_dtypes_of_the_type_table(con: duckdb.DuckDBPyConnection) -> None:
    full, mixed = (given(con, "pandas", table(con, rows)) for rows in ([FULL], ROWS))

    wanted = {"row_id": "int64", "count": "int64", "share": "float64", "total_eur": "object", "name": "str", "is_new": "bool"}
    wanted |= {"sold_on": "object", "sold_at": "datetime64[us, UTC]", "tags": "object", "amounts": "object"}
    assert {name: str(dtype) for name, dtype in full.dtypes.items()} == wanted
    assert {name: str(dtype) for name, dtype in mixed.dtypes.items()} == wanted | {"count": "Int64", "is_new": "boolean"}
    assert (mixed["total_eur"][0], mixed["sold_on"][0], mixed["tags"][0]) == (FULL[3], FULL[6], FULL[8])


def test_polars_gets_the_types_of_the_type_table(con: duckdb.DuckDBPyConnection) -> None:
    rows = given(con, "polars", table(con, ROWS))

    assert {name: repr(dtype) for name, dtype in rows.schema.items()} == {column.name: column.type.polars for column in Everything.columns}
    assert rows.rows() == ROWS


def test_arrow_times_are_utc(con: duckdb.DuckDBPyConnection) -> None:
    assert given(con, "arrow", table(con, [FULL])).schema.field("sold_at").type == pa.timestamp("us", "UTC")


def test_a_relation_is_lazy(con: duckdb.DuckDBPyConnection) -> None:
    relation = given(con, "duckdb", table(con, [FULL]))

    con.execute("DELETE FROM given")

    assert relation.fetchall() == []


def test_a_result_is_read_as_often_as_wanted(con: duckdb.DuckDBPyConnection) -> None:
    for product in FORMS:
        result = computed(con, product, {"rows": table(con, ROWS)}, None)
        assert [con.sql(f"SELECT count(*) FROM {result}").fetchall() for _ in range(2)] == [[(3,)]] * 2


def test_the_index_of_a_pandas_frame_is_not_a_column(con: duckdb.DuckDBPyConnection) -> None:
    assert con.sql(f"FROM {computed(con, returning(pd.DataFrame({'a': [1]}, index=[7])), {}, None)}").columns == ["a"]


def test_a_frame_class_of_ones_own_is_taken_as_what_it_is(con: duckdb.DuckDBPyConnection) -> None:
    class Frame(pd.DataFrame):
        """A frame with methods of its own."""

    assert con.sql(f"FROM {computed(con, returning(Frame({'a': [1]})), {}, None)}").fetchall() == [(1,)]


def test_arrow_batches_are_taken_too(con: duckdb.DuckDBPyConnection) -> None:
    reader = pa.table({"a": [1, 2]}).to_reader()

    assert con.sql(f"FROM {computed(con, returning(reader), {}, None)}").fetchall() == [(1,), (2,)]


def returning(result: Any) -> Product:
    """A product without inputs whose function gives back just this."""

    def things() -> pa.Table:
        return result

    return dm.data_product(contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.")(
        things
    )


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (lambda: None, "is a NoneType"),
        (lambda: [{"row_id": 1}], "is a list"),
        (lambda: "SELECT 1", "is a str"),
        (lambda: pl.LazyFrame({"row_id": [1]}), "is a LazyFrame"),
        (lambda: pd.Series([1]), "is a Series"),
        (lambda: duckdb.sql("SELECT 1 AS row_id"), "is a relation of another DuckDB"),
    ],
)
def test_a_result_that_is_no_table_is_refused_with_what_to_return(
    con: duckdb.DuckDBPyConnection, result: Callable[[], Any], what: str
) -> None:
    with pytest.raises(DefinitionError) as refusal:
        computed(con, returning(result()), {}, None)

    wanted = "return a relation made of the inputs (dm.sql), or a pandas, Polars or Arrow table."
    assert str(refusal.value) == f"{returning(None).file}: things: result: {what}; {wanted}"


def test_a_parameter_of_type_date_gets_the_day(con: duckdb.DuckDBPyConnection) -> None:
    days = []

    def things(day: date) -> pa.Table:
        days.append(day)
        return pa.table({"row_id": [1]})

    product = dm.data_product(contract=Everything, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:a", description="All.")(
        things
    )
    computed(con, product, {}, date(2026, 11, 19))

    assert days == [date(2026, 11, 19)]


def test_a_relation_needs_neither_pandas_nor_polars() -> None:
    code = """
import sys, duckdb
from dagmesh.orchestrate.forms import given
given(duckdb.connect(), "duckdb", "(SELECT 1)").fetchall()
given(duckdb.connect(), "arrow", "(SELECT 1)")
print(sorted({"pandas", "polars", "pandera"} & set(sys.modules)))
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
