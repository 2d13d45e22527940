"""The tools of the standards' own community accept what is exported: each in an environment of its own, as their pins are not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagmesh.model.lock import read_lock
from dagmesh.model.mesh import Mesh
from dagmesh.model.odps import to_odps
from dagmesh.model.yaml_text import yaml_text

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "domains").glob("*/contracts/*.odcs.yaml"))
# Read once a file: a process of these tools takes longer to import than to lint.
LINT = """
import sys
from datacontract.data_contract import DataContract
for file in sys.argv[1:]:
    run = DataContract(data_contract_file=file).lint()
    failed = [f"{check.name}: {check.reason}" for check in run.checks or [] if check.result != "passed"]
    print(file.rpartition("/")[2], run.result.value if hasattr(run.result, "value") else run.result, *failed)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that has both tools."""
    folder = tmp_path_factory.mktemp("tools") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    tools = ["datacontract-cli==1.2.8", "dataproduct-cli==0.3.2"]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *tools], check=True)
    return folder / "bin"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_"))}
    return subprocess.run([str(part) for part in command], env=plain, capture_output=True, text=True, check=False)


def test_every_product_of_the_domains_has_a_lock_file() -> None:
    products = [product.address for location in Mesh.find(ROOT).locations for product in location.load().products]

    assert len(LOCKS) == len(products) > 0


def test_datacontract_lint_passes_on_every_lock_file(environment: Path) -> None:
    done = run(environment / "python", "-c", LINT, *LOCKS)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{path.name} passed" for path in LOCKS]


def test_datacontract_lint_fails_on_a_file_that_breaks_the_standard(environment: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.odcs.yaml"
    broken.write_text(LOCKS[0].read_text(encoding="utf-8").replace("logicalType: string", "logicalType: text"), encoding="utf-8")

    by_command = run(environment / "datacontract", "lint", LOCKS[0]), run(environment / "datacontract", "lint", broken)

    assert [done.returncode == 0 for done in by_command] == [True, False], by_command


def test_dataproduct_lint_passes_on_an_exported_product(environment: Path, tmp_path: Path) -> None:
    for lock in LOCKS:
        (tmp_path / lock.name).write_text(lock.read_text(encoding="utf-8"), encoding="utf-8")
    product = read_lock(LOCKS[0])
    assert product is not None
    file = tmp_path / "product.odps.yaml"
    file.write_text(yaml_text(to_odps(product)), encoding="utf-8")

    done = run(environment / "dataproduct", "lint", file)

    assert done.returncode == 0, done.stdout + done.stderr
