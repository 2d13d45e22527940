"""A small mesh that breaks no policy, with the mesh's own policies beside it, for tests to sin in."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.small_mesh import HOME_SETTINGS, SmallMesh, forget, make_small_mesh

import dagmesh
from dagmesh.consume.mesh_check import Wrong, checked

POLICIES = Path(dagmesh.__file__).parents[1] / "policies"  # a mutant's copy brings its own
TODAY = date(2026, 11, 21)
READINGS_FILE = "domains/sensors/sensors/products/readings.py"
TOTALS_FILE = "domains/reports/reports/products/totals.py"

READINGS = '''"""What each sensor read, a day at a time."""
from datetime import date
import duckdb
import dagmesh as dm


class Readings(dm.Contract):
    """One row per sensor and day."""

    sensor: str = dm.field(key=True, description="Name on the housing.")
    read_on: date = dm.field(key=True, description="UTC day.")
    degrees: int = dm.field(ge=0, unit="degrees", description="Mean temperature.")
    reading_count: int = dm.field(ge=1, unit="readings", description="How many there were.")


@dm.data_product(
    contract=Readings,
    version="1.0.0",
    serves=["reports"],
    promise=dm.Promise(min_completeness=0.9, max_lag="24h", retention="400d"),
    partitioned_by="read_on",
    support="sensors@example.org",
    documentation="https://docs.example.org/sensors/readings",
    tags={"subject": "orders"},
)
def readings(events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Average each sensor's events."""
    return dm.sql(
        """
        SELECT sensor, day AS read_on, avg(degrees)::BIGINT AS degrees, count(*) AS reading_count
        FROM events
        GROUP BY ALL
        """,
        events=events,
    )
'''

TOTALS = '''"""What all sensors read together, a day at a time."""
from datetime import date
import duckdb
import dagmesh as dm


class Totals(dm.Contract):
    """One row per day."""

    read_on: date = dm.field(key=True, description="UTC day.")
    degrees: int = dm.field(unit="degrees", description="Sum of the sensors' temperatures.")
    sensor_count: int = dm.field(unit="sensors", description="How many read anything.")


@dm.data_product(
    contract=Totals,
    version="1.0.0",
    serves=[],
    promise=dm.Promise(min_completeness=0.9),
    reads={"readings": "sensors.readings@1"},
    partitioned_by="read_on",
)
def totals(readings: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum the sensors."""
    return dm.sql(
        "SELECT read_on, sum(degrees)::BIGINT AS degrees, count(*) AS sensor_count FROM readings GROUP BY read_on", readings=readings
    )
'''


@pytest.fixture
def policed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMesh]:
    """Two domains that break no policy, nothing published yet."""
    import sys

    for name in HOME_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    before = list(sys.path)
    mesh = make_small_mesh(tmp_path / "mesh")
    mesh.write(READINGS_FILE, READINGS)
    mesh.write(TOTALS_FILE, TOTALS)
    shutil.copytree(POLICIES, mesh.root / "platform" / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    yield mesh
    sys.path[:] = before
    forget()


def wrong(mesh: SmallMesh, *domains: str, today: date = TODAY) -> list[Wrong]:
    """What a check of the mesh finds, but for lock files, which these tests do not write."""
    forget()
    names = domains or ("sensors", "reports")
    return [one for one in checked(mesh.mesh, names, today).wrong if one.kind != "lock"]
