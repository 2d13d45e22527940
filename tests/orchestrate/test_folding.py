"""What a run of a projection does besides folding: it writes rows so that, replayed, they are the same bytes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

import dagmesh as dm
from dagmesh.lake.copied_files import Copy, copied
from dagmesh.lake.storage import LocalStorage
from dagmesh.model.domain import Product
from dagmesh.orchestrate.folding import in_order


class Loans(dm.Contract):
    """One row per loan."""

    loan: int = dm.field(key=True, description="The loan's number.")
    lent_on: date = dm.field(key=True, description="UTC day.")


@dm.data_product(contract=Loans, version="1.0.0", serves=[], promise=dm.Promise(), partitioned_by="lent_on", description="Loans.")
def loans(bike_events: dm.Events) -> dm.Projection:
    loan = dm.entity("loan", lent_on=dm.first(BikeLent="CAST(time AS DATE)"))
    return dm.projection(bike_events, of=loan)


@pytest.fixture
def product() -> Product:
    return loans.in_domain("bikes", "team:bikes", None)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"preserve_insertion_order": False, "threads": 3}) as made:
        yield made


def threads(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT current_setting('threads')").fetchall()[0][0])


def test_a_projections_rows_are_written_by_one_thread_and_what_comes_after_by_all(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    with in_order(con, product):
        assert threads(con) == 1

    assert threads(con) == 3


def test_a_write_that_fails_gives_the_threads_back(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    with pytest.raises(duckdb.Error), in_order(con, product):
        con.execute("SELECT error('full')")

    assert threads(con) == 3


def test_rows_of_other_products_are_written_by_all_threads(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    with in_order(con, replace(product, projection=None)):
        assert threads(con) == 3


def test_many_rows_of_several_days_are_the_same_bytes_each_time(con: duckdb.DuckDBPyConnection, product: Product, tmp_path: Path) -> None:
    days = [date(2026, 1, 1), date(2026, 1, 2)]
    made = "SELECT range * 7919 % 1000003 AS loan, DATE '2026-01-01' + (range % 2)::INTEGER AS lent_on FROM range(400000)"
    copy = Copy(f"({made} ORDER BY ALL)", [("loan", "BIGINT"), ("lent_on", "DATE")], "lent_on", days)

    written = []
    for name in ("once", "twice"):
        with in_order(con, product):
            files = copied(con, copy, LocalStorage(str(tmp_path / name)), "stage", "bikes.loans@1")
        written.append({file.path: (tmp_path / name / file.path).read_bytes() for file in files})

    assert len(written[0]) == 2
    assert written[0] == written[1]
