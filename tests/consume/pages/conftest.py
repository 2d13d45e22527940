"""A mesh with the shop's products and one that is written by somebody with bad intentions, and the catalogue of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient
from tests.consume.conftest import MONDAY, TUESDAY, Shop
from tests.consume.pages.served import app

import dagmesh as dm
from dagmesh.lake.lake import Lake
from dagmesh.model.domain import Product
from dagmesh.model.mesh import Location, Mesh

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Sums(dm.Contract):
    """One row per day."""

    total_eur: int = dm.field(key=True, description=HOSTILE)


@dm.data_product(contract=Sums, version="1.0.0", serves=["orders"], promise=dm.Promise(), reads={"orders": "orders.orders@1"})
def sums(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return orders


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    places = [Location(name, name, "defs", tmp_path / "domains" / name, None) for name in ("orders", "customers", "finance", "reports")]
    return Mesh(tmp_path, tmp_path / "home", tuple(places))


@pytest.fixture
def shop(mesh: Mesh) -> Iterator[Shop]:
    """Orders of two days in two snapshots, customers' profiles, and sums of orders whose every text is hostile."""
    lake = Lake.of(mesh)
    with lake.connect() as con:
        shop = Shop(lake, con)
        shop.publish_orders({MONDAY: [10, 20]}, through=MONDAY)
        profile = {"total_eur": {"nulls": 0, "distinct_about": 2, "min": 5.0, "max": 20.0, "mean": 12.5}}
        checks = [{"name": "total_eur__not_null", "text": "total_eur is given", "passed": True, "failing_rows": 0, "severity": "error"}]
        shop.publish_orders({TUESDAY: [5]}, through=TUESDAY, profile=profile, checks=checks)
        shop.publish_profiles()
        shop.publish(
            hostile(), "(SELECT 35 AS total_eur)", lineage={"total_eur": [["orders.orders@1", "total_eur", "value"]]}, reason=HOSTILE
        )
        yield shop


def hostile() -> Product:
    """The product whose texts are hostile."""
    found: Product = sums.in_domain("reports", "team:reports", "javascript:alert(3)")
    return replace(found, description=HOSTILE, tags={"a": HOSTILE}, documentation="javascript:alert(4)")


@pytest.fixture
def client(mesh: Mesh, shop: Shop) -> Iterator[TestClient]:
    with TestClient(app(mesh), headers={"Accept": "text/html"}) as client:
        yield client
