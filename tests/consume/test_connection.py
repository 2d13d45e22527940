"""`dm.connect()`: one line to a product's rows, in the form the reader likes."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dagmesh as dm
from dagmesh.consume.connection import Connection
from dagmesh.consume.resolver import Resolver
from dagmesh.errors import AccessRefused, MeshError, NotPublished, QueryRefused

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))


@pytest.fixture
def root(shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mesh's folder whose lake is the shop's, with a folder below it."""
    shop.publish_orders({MONDAY: [99]})
    shop.publish_orders({MONDAY: [10, 11], TUESDAY: [12]})
    shop.publish_profiles()
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    (tmp_path / "domains" / "orders").mkdir(parents=True)
    monkeypatch.delenv("DAGMESH_LAKE", raising=False)
    monkeypatch.setenv("DAGMESH_HOME", str(tmp_path))
    return tmp_path


def totals(relation) -> list[int]:
    return sorted(int(total) for (total,) in relation.project("total_eur").fetchall())


def test_a_mesh_is_found_from_any_folder_of_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert totals(dm.connect(root).read("orders.orders")) == [10, 11, 12]
    assert totals(dm.connect(str(root / "domains" / "orders")).read("orders.orders")) == [10, 11, 12]

    monkeypatch.chdir(root / "domains")
    assert totals(dm.connect().read("orders.orders")) == [10, 11, 12]


def test_a_folder_outside_every_mesh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeshError) as refusal:
        dm.connect(tmp_path)

    assert str(refusal.value) == f"{tmp_path.resolve()}: no workspace.yaml here or above; change into the mesh's folder."


def test_who_reads_is_an_analyst_unless_they_say_so(root: Path) -> None:
    assert dm.connect(root).read("customers.profiles").project("email").fetchall() == [(None,), (None,)]
    assert dm.connect(root, reader="customers").read("customers.profiles").project("email").order("1").fetchall() == [
        ("ada@example.com",),
        ("bob@example.com",),
    ]
    with pytest.raises(AccessRefused):
        dm.connect(root, reader="finance").read("customers.profiles")


def test_a_product_is_read_as_of_a_snapshot(root: Path) -> None:
    mesh = dm.connect(root)

    assert totals(mesh.read("orders.orders@1#0")) == [99]
    assert totals(mesh.read("orders.orders@1")) == [10, 11, 12]


def test_a_relation_keeps_the_snapshot_it_was_read_of(root: Path, shop) -> None:
    before = dm.connect(root).read("orders.orders")

    shop.publish_orders({MONDAY: [50]})

    assert totals(before) == [10, 11, 12]


def test_days_choose_rows(root: Path) -> None:
    mesh = dm.connect(root)

    assert totals(mesh.read("orders.orders", days=[TUESDAY])) == [12]
    assert totals(mesh.read("orders.orders", days=iter([TUESDAY, MONDAY]))) == [10, 11, 12]
    assert totals(mesh.read("orders.orders", days=[WEDNESDAY])) == []
    assert totals(mesh.read("orders.orders", days=[])) == []


def test_days_of_an_old_snapshot_are_its_own(root: Path) -> None:
    assert totals(dm.connect(root).read("orders.orders@1#0", days=[MONDAY])) == [99]


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop is deprecated")  # DuckDB 2.0.0 uses it with pandas 3.1
def test_rows_come_as_pandas_polars_and_arrow(root: Path) -> None:
    relation = dm.connect(root).read("orders.orders").order("order_id")
    columns = ["order_id", "ordered_on", "placed_at", "total_eur"]

    pandas, polars, arrow = relation.df(), relation.pl(), relation.to_arrow_table()

    assert isinstance(pandas, pd.DataFrame)
    assert list(pandas.columns) == polars.columns == arrow.column_names == columns
    assert str(pandas["placed_at"].dtype) == "datetime64[us, UTC]"
    assert polars["total_eur"].to_list() == [Decimal("10.00"), Decimal("11.00"), Decimal("12.00")]
    assert polars.schema["placed_at"] == pl.Datetime("us", "UTC")
    assert arrow.schema.field("total_eur").type == pa.decimal128(18, 2)
    assert arrow.column("placed_at").to_pylist()[0] == datetime(2026, 11, 16, 23, 30, tzinfo=UTC)


def test_sql_gives_a_relation_too(root: Path) -> None:
    found = dm.connect(root).sql("SELECT ordered_on, sum(total_eur)::INT AS eur FROM orders.orders GROUP BY ALL ORDER BY 1")

    assert found.columns == ["ordered_on", "eur"]
    assert found.fetchall() == [(MONDAY, 21), (TUESDAY, 12)]
    assert found.pl().rows() == [(MONDAY, 21), (TUESDAY, 12)]


def test_sql_is_read_in_the_readers_name(root: Path) -> None:
    with pytest.raises(AccessRefused):
        dm.connect(root, reader="marketing").sql("FROM orders.orders")
    with pytest.raises(QueryRefused):
        dm.connect(root, reader="orders").sql("FROM read_text('workspace.yaml')")


def test_relations_of_one_connection_can_be_joined(root: Path) -> None:
    mesh = dm.connect(root)
    now, then = mesh.read("orders.orders"), mesh.read("orders.orders@1#0")

    assert dm.sql("SELECT count(*) FROM now JOIN was USING (order_id)", now=now, was=then).fetchall() == [(1,)]


def test_what_is_not_published_is_said_at_once(root: Path) -> None:
    with pytest.raises(NotPublished, match=r"^orders\.order is not published in this lake\. Did you mean 'orders\.orders'\?"):
        dm.connect(root).read("orders.order")


def test_nothing_is_read_after_it_is_closed(root: Path) -> None:
    mesh = dm.connect(root)

    mesh.close()

    with pytest.raises(Exception, match="Connection already closed"):
        mesh.read("orders.orders")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_times_are_utc_wherever_the_machine_is(root: Path, zone: str) -> None:
    code = """
import dagmesh as dm
mesh = dm.connect()
day = "date_trunc('day', placed_at)::DATE"
print(mesh.read("orders.orders").filter(f"{day} = ordered_on").count("*").fetchall())
print(mesh.sql(f"SELECT count(*) FROM orders.orders WHERE {day} = ordered_on").fetchall())
print(mesh.read("orders.orders").pl().schema["placed_at"])
"""

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["[(3,)]", "[(3,)]", "Datetime(time_unit='us', time_zone='UTC')"]


def test_a_connection_can_be_made_of_any_lake(shop) -> None:
    shop.publish_orders({MONDAY: [7]})

    assert totals(Connection(Resolver(shop.lake, "orders")).read("orders.orders")) == [7]
