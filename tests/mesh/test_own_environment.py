"""A domain whose dependencies clash with another's: its own interpreter builds it, runs it and serves it, the others theirs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.running_mesh import RunningMesh, running, until
from tests.small_mesh import HOME_SETTINGS, SmallMesh, make_small_mesh

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
STANZA = (
    "  - python_module: {module_name: tools.definitions, attribute: defs, working_directory: domains/tools, "
    "location_name: tools, executable_path: domains/tools/.venv/bin/python}\n"
)
SOURCES = '''"""What this interpreter has; iniconfig must be older than 2."""
import sys
from importlib.metadata import version

import dagster as dg
import duckdb
import dagmesh as dm

if int(version("iniconfig").split(".")[0]) >= 2:
    raise ImportError(f"iniconfig {version('iniconfig')} is too new")


@dg.asset
def interpreter(lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """The interpreter that runs the domain."""
    return lake.connection().sql(f"SELECT '{sys.executable}' AS python, '{version('iniconfig')}' AS iniconfig")
'''
VERSIONS = '''"""What the interpreter of `tools` has."""
import duckdb
import dagmesh as dm


class Versions(dm.Contract):
    """One row per interpreter."""

    python: str = dm.field(key=True, description="Path of the interpreter.")
    iniconfig: str = dm.field(description="Version of iniconfig it has.")


@dm.data_product(contract=Versions, version="1.0.0", serves=["reports"], promise=dm.Promise())
def versions(interpreter: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take the interpreter's versions."""
    return interpreter
'''
CLASHES = '''"""What `tools` has beside what `reports` has, which must be iniconfig 2 or newer."""
import sys
from importlib.metadata import version

import duckdb
import dagmesh as dm

assert int(version("iniconfig").split(".")[0]) >= 2


class Clashes(dm.Contract):
    """One row per interpreter of `tools`."""

    theirs: str = dm.field(key=True, description="Version that tools has.")
    ours: str = dm.field(description="Version that reports has.")
    python: str = dm.field(description="Path of the interpreter of reports.")


@dm.data_product(contract=Clashes, version="1.0.0", serves=[], promise=dm.Promise(), reads={"versions": "tools.versions@1"})
def clashes(versions: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Put the two beside each other."""
    ours = version("iniconfig")
    return dm.sql(f"SELECT iniconfig AS theirs, '{ours}' AS ours, '{sys.executable}' AS python FROM versions", versions=versions)
'''


@dataclass(frozen=True)
class Shared:
    """The mesh and the interpreter of its domain `tools`."""

    small: SmallMesh
    python: Path

    def dagmesh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in HOME_SETTINGS}
        command = [sys.executable, "-m", "dagmesh", *arguments]
        return subprocess.run(command, cwd=self.small.root, env=environment, capture_output=True, text=True, check=False)

    def publication(self, product: str) -> dict[str, object]:
        """The product's newest publication."""
        said = self.dagmesh("history", product, "--json")
        newest: dict[str, object] = json.loads(said.stdout)[0]
        return newest


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """The small mesh and a domain `tools` with an environment of its own, everything built."""
    small = make_small_mesh(tmp_path_factory.mktemp("own") / "mesh")
    folder = small.root / "domains" / "tools"
    for name, text in (("__init__", ""), ("products/__init__", ""), ("sources", SOURCES), ("products/versions", VERSIONS)):
        small.write(f"domains/tools/tools/{name}.py", text)
    small.write(
        "domains/tools/tools/definitions.py", 'import dagmesh as dm\n\ndefs = dm.domain("tools", owner="team:tools", ready_at="00:00")\n'
    )
    small.write("domains/reports/reports/products/clashes.py", CLASHES)
    small.write("workspace.yaml", (small.root / "workspace.yaml").read_text() + STANZA)
    python = folder / ".venv" / "bin" / "python"
    uv("venv", "--python", sys.executable, str(folder / ".venv"))
    uv("pip", "install", "--python", str(python), "--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT))
    uv("pip", "install", "--python", str(python), "iniconfig<2")
    small.export(YESTERDAY.isoformat(), 10, 20)
    return Shared(small, python)


def uv(*arguments: str) -> None:
    """Run uv; without a package index there is nothing to test."""
    done = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and any(words in done.stderr for words in ("Failed to fetch", "error sending request", "dns error")):
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(shared: Shared) -> subprocess.CompletedProcess[str]:
    """What `dagmesh build` says."""
    return shared.dagmesh("build", "--days", "1")


@pytest.fixture(scope="module")
def mesh(shared: Shared, built: object) -> Iterator[RunningMesh]:
    """The built mesh, running."""
    with running(shared.small) as mesh:
        yield mesh


def test_a_build_makes_each_domain_with_its_own_interpreter(shared: Shared, built: subprocess.CompletedProcess[str]) -> None:
    assert built.returncode == 0, built.stderr
    ((python, theirs),) = shared.small.rows("tools.versions")
    ((seen, ours, our_python),) = shared.small.rows("reports.clashes")
    assert python == str(shared.python)
    assert our_python == sys.executable
    assert seen == theirs
    assert theirs.startswith("1.")
    assert not ours.startswith("1.")


def test_the_other_domains_are_built_as_ever(shared: Shared, built: object) -> None:
    assert [row[1] for row in shared.small.rows("reports.totals")] == [30]


def test_a_second_build_makes_nothing_again(shared: Shared, built: object) -> None:
    heads = shared.small.lake.heads()

    again = shared.dagmesh("build", "--days", "1")

    assert again.returncode == 0, again.stderr
    assert shared.small.lake.heads() == heads
    assert "done" not in again.stderr


def test_a_run_of_its_product_uses_its_interpreter(shared: Shared, built: object) -> None:
    before = shared.publication("tools.versions")

    done = shared.dagmesh("run", "tools.versions")

    assert done.returncode == 0, done.stderr
    assert shared.publication("tools.versions")["snapshot"] != before["snapshot"]
    assert shared.small.rows("tools.versions")[0][0] == str(shared.python)


def test_what_goes_wrong_there_is_said_here(shared: Shared, built: object) -> None:
    done = shared.dagmesh("run", "tools.version")

    assert done.returncode != 0
    assert "tools.version is no product of tools; it has tools.versions@1. Did you mean 'tools.versions@1'?" in done.stderr


def test_the_running_mesh_serves_it_and_the_others(mesh: RunningMesh) -> None:
    keys = {"/".join(node["assetKey"]["path"]) for node in mesh.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]}

    assert keys >= {"tools/interpreter", "tools/versions_v1", "sensors/readings_v1", "reports/clashes_v1"}


def test_a_run_pressed_in_the_ui_uses_the_domains_interpreter(shared: Shared, mesh: RunningMesh) -> None:
    run = mesh.finished(mesh.press("tools", "interpreter", "versions_v1"))

    assert run.status == "SUCCESS", mesh.said(run.run_id)
    assert shared.publication("tools.versions")["run_id"] == run.run_id
    assert shared.small.rows("tools.versions")[0][0] == str(shared.python)


def test_a_run_pressed_for_another_domain_uses_the_meshs_interpreter(shared: Shared, mesh: RunningMesh) -> None:
    run = mesh.finished(mesh.press("reports", "clashes_v1"))

    assert run.status == "SUCCESS", mesh.said(run.run_id)
    assert shared.small.rows("reports.clashes")[0][2] == sys.executable


def test_its_sensor_publishes_by_itself(shared: Shared, mesh: RunningMesh) -> None:
    shared.small.change("domains/tools/tools/products/versions.py", "Take the interpreter's versions.", "Take its versions.")

    until(lambda: any(run.tags.get("dagster/sensor_name") == "tools_daily" and run.status == "SUCCESS" for run in mesh.runs("tools")))
    assert shared.small.rows("tools.versions")[0][0] == str(shared.python)
