"""A mesh of two domains in a folder of its own: `sensors` publishes readings a day, `reports` sums them up."""

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

HOME_SETTINGS = ("DAGMESH_HOME", "DAGMESH_LAKE", "DAGSTER_HOME")
SOURCES = '''"""Readings as files a day."""
import dagster as dg
import duckdb
import dagmesh as dm

FILES = f"{dm.exports('sensors')}/{{day}}.jsonl"


@dg.asset(partitions_def=dm.daily("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run(), metadata=dm.files(FILES))
def events(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> dm.Export:
    """Readings by the day they were handed over."""
    return dm.read_json_lines(lake.connection(), FILES, dm.days_of(context), {"sensor": "VARCHAR", "degrees": "BIGINT"})
'''

READINGS = '''"""What each sensor read, a day at a time."""
from datetime import date
import duckdb
import dagmesh as dm


class Readings(dm.Contract):
    """One row per sensor and day."""

    sensor: str = dm.field(key=True, description="The sensor's name.")
    read_on: date = dm.field(key=True, description="UTC day.")
    degrees: int = dm.field(ge=0, unit="degrees", classification="internal", description="Mean temperature.")


@dm.data_product(
    contract=Readings,
    version="1.0.0",
    serves=["reports"],
    promise=dm.Promise(min_completeness=0.9),
    partitioned_by="read_on",
)
def readings(events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Average each sensor's events."""
    return dm.sql(
        "SELECT sensor, day AS read_on, avg(degrees)::BIGINT AS degrees FROM events GROUP BY ALL", events=events
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


@dm.data_product(
    contract=Totals,
    version="1.0.0",
    serves=[],
    promise=dm.Promise(),
    reads={"readings": "sensors.readings@1"},
    partitioned_by="read_on",
)
def totals(readings: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sum the sensors."""
    return dm.sql("SELECT read_on, sum(degrees) AS degrees FROM readings GROUP BY read_on", readings=readings)
'''


@dataclass(frozen=True)
class SmallMesh:
    """The mesh's folder and what tests do in it."""

    root: Path

    @property
    def mesh(self) -> Mesh:
        return Mesh.find(self.root)

    @property
    def lake(self) -> Lake:
        return Lake.of(self.mesh)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}")
        beside.write_text(text)
        beside.replace(file)  # whoever watches the file sees it whole

    def export(self, day: str, *degrees: int, announced: int | None = None, broken: int = 0) -> None:
        """The day's file: one event per temperature, sensor by sensor, closed with how many there should be."""
        lines = [
            json.dumps({"id": f"{day}-{n}", "type": "Read", "time": f"{day}T12:00:00Z", "data": {"sensor": f"s{n}", "degrees": d}})
            for n, d in enumerate(degrees)
        ]
        closed = {"type": "ExportClosed", "time": f"{day}T23:59:59Z", "data": {"events": announced or len(degrees)}}
        self.write(f".dagmesh/exports/sensors/{day}.jsonl", "\n".join([*lines, *["{"] * broken, json.dumps(closed), ""]))

    def change(self, path: str, before: str, after: str) -> None:
        """Replace a piece of a file."""
        text = (self.root / path).read_text()
        assert before in text
        self.write(path, text.replace(before, after))

    def build(self, *days: str) -> list:
        """Every run of a build for the days, without its last word on what is refused or waits."""
        from dagmesh.orchestrate.build import build_mesh

        forget()
        runs = build_mesh(self.mesh, [date.fromisoformat(day) for day in days], [], lambda step: None)
        return [run for run in runs if run.domain]

    def rows(self, address: str, reader: str | None = None) -> list[tuple]:
        """The product's rows in key order, read by its owner or another reader."""
        from dagmesh.consume.connection import Connection
        from dagmesh.consume.resolver import Resolver

        parsed = Address.parse(address)
        connection = Connection(Resolver(self.lake, reader or parsed.domain))
        return sorted(connection.read(address).fetchall())


def forget() -> None:
    """Unload the small mesh's modules, so that changed files are read again."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("sensors", "reports", "library")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def make_small_mesh(root: Path) -> SmallMesh:
    """Two domains in a folder, nothing published yet."""
    made = SmallMesh(root)
    stanzas = [
        f"  - python_module: {{module_name: {d}.definitions, attribute: defs, working_directory: domains/{d}, location_name: {d}}}"
        for d in ("sensors", "reports")
    ]
    made.write("workspace.yaml", "\n".join(["load_from:", *stanzas, ""]))
    for domain, product, text in (("sensors", "readings", READINGS), ("reports", "totals", TOTALS)):
        package = f"domains/{domain}/{domain}"
        made.write(f"{package}/__init__.py", "")
        made.write(
            f"{package}/definitions.py", f'import dagmesh as dm\n\ndefs = dm.domain("{domain}", owner="team:{domain}", ready_at="00:00")\n'
        )
        made.write(f"{package}/products/__init__.py", "")
        made.write(f"{package}/products/{product}.py", text)
    made.write("domains/sensors/sensors/sources.py", SOURCES)
    return made


@pytest.fixture
def small_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMesh]:
    """Two domains, nothing published yet, for this process to build."""
    for name in HOME_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    before = list(sys.path)
    yield make_small_mesh(tmp_path / "mesh")
    sys.path[:] = before
    forget()
