"""`dagmesh lock`: what it writes and says, and what it refuses."""

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, forget, small_mesh

from dagmesh.cli import main

__all__ = ["small_mesh"]  # a fixture of this module too
READINGS = "domains/sensors/contracts/readings.v1.odcs.yaml"
PRODUCT = "domains/sensors/sensors/products/readings.py"


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh, working directory inside."""
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def test_every_product_is_locked_and_a_second_time_nothing_changes(mesh: SmallMesh) -> None:
    first, second = dagmesh("lock"), dagmesh("lock")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output.splitlines() == [
        "locked sensors.readings@1 in domains/sensors/contracts/readings.v1.odcs.yaml",
        "locked reports.totals@1 in domains/reports/contracts/totals.v1.odcs.yaml",
        "lock files: 2, written: 2.",
    ]
    assert second.output == "lock files: 2, written: 0.\n"
    assert yaml.safe_load((mesh.root / READINGS).read_text(encoding="utf-8"))["name"] == "readings"


def test_only_the_domains_named_are_locked(mesh: SmallMesh) -> None:
    result = dagmesh("lock", "sensors")

    assert result.output.splitlines()[-1] == "lock files: 1, written: 1."
    assert not (mesh.root / "domains/reports/contracts").exists()
    assert dagmesh("lock", "sensor").exit_code == 2


def test_check_writes_nothing_and_fails_until_all_is_locked(mesh: SmallMesh) -> None:
    before = dagmesh("lock", "--check")
    dagmesh("lock")
    after = dagmesh("lock", "--check")

    assert before.exit_code == 7
    assert before.stderr.splitlines() == [
        "domains/sensors/contracts/readings.v1.odcs.yaml: sensors.readings@1 has no lock file. Write and commit it: dagmesh lock sensors",
        "domains/reports/contracts/totals.v1.odcs.yaml: reports.totals@1 has no lock file. Write and commit it: dagmesh lock reports",
    ]
    assert (after.exit_code, after.output) == (0, "2 products are as they are locked.\n")


def test_a_change_of_the_code_fails_the_check_and_keeps_the_file(mesh: SmallMesh) -> None:
    dagmesh("lock")
    locked = (mesh.root / READINGS).read_bytes()
    mesh.change(PRODUCT, "Mean temperature.", "Mean temperature of the day.")

    result = dagmesh("lock", "--check")

    assert result.exit_code == 7
    assert "sensors.readings@1 is not as it was locked (contract)" in result.stderr
    assert (mesh.root / READINGS).read_bytes() == locked


def test_a_removed_product_is_not_unlocked_in_silence(mesh: SmallMesh) -> None:
    dagmesh("lock")
    mesh.change(PRODUCT, 'version="1.0.0"', 'version="2.0.0"')

    result = dagmesh("lock", "sensors")

    assert result.exit_code == 7
    assert result.stdout == "locked sensors.readings@2 in domains/sensors/contracts/readings.v2.odcs.yaml\n"
    assert "the code has no sensors.readings@1 any more" in result.stderr
    assert (mesh.root / READINGS).exists()


def test_a_mistake_in_one_domain_writes_no_lock_file_at_all(mesh: SmallMesh) -> None:
    mesh.change("domains/reports/reports/products/totals.py", 'version="1.0.0"', 'version="1"')

    result = dagmesh("lock")

    assert result.exit_code == 2
    assert not list(mesh.root.glob("domains/*/contracts"))
