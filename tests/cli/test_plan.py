"""`dagmesh plan`: what it says of a mesh at each stage, in whole; and that it makes nothing."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.orchestrate.graph import FILES
from tests.small_mesh import SmallMesh, forget, small_mesh

from dagmesh.cli import main

__all__ = ["small_mesh"]  # a fixture of this module too
DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh with the exports of three days, working directory inside."""
    monkeypatch.chdir(small_mesh.root)
    for number, day in enumerate(DAYS):
        small_mesh.export(day, 10 + number, 20)
    return small_mesh


def plan(*arguments: str, days: int = 3) -> Result:
    forget()
    return CliRunner().invoke(main, ["plan", "--days", str(days), "--to", DAYS[-1], *arguments])


def test_a_new_mesh_is_all_to_be_made_and_nothing_is(mesh: SmallMesh) -> None:
    told = plan()

    assert (told.exit_code, told.output) == (
        0,
        "sensors.events 2026-11-01 to 2026-11-03: not made yet\n"
        "sensors.readings@1 2026-11-01 to 2026-11-03: after sensors.events\n"
        "reports.totals@1 2026-11-01 to 2026-11-03: after sensors.readings@1\n",
    )
    assert mesh.lake.addresses() == []
    assert not (mesh.root / ".dagmesh" / "dagster").exists()


def test_a_mesh_that_is_up_to_date_says_so(mesh: SmallMesh) -> None:
    mesh.build(*DAYS)

    assert (plan().output, plan("--domain", "reports").output) == ("nothing is stale.\n", "nothing is stale.\n")


def test_each_change_is_told_by_its_name(mesh: SmallMesh) -> None:
    mesh.build(*DAYS)
    mesh.export(DAYS[1], 99, 20)
    mesh.change(FILES["totals"], "Sum of the sensors' temperatures.", "What they sum up to.")

    assert plan().output == (
        "sensors.events 2026-11-02: its files, its code or a table it reads changed\n"
        "sensors.readings@1 2026-11-02: after sensors.events\n"
        "reports.totals@1 2026-11-01 to 2026-11-03: its contract changed; its code changed; after sensors.readings@1\n"
    )


def test_a_domain_alone_hears_which_snapshot_has_moved(mesh: SmallMesh) -> None:
    mesh.build(*DAYS)
    mesh.export(DAYS[1], 99, 20)
    mesh.export(DAYS[2], 98, 20)
    forget()
    built = CliRunner().invoke(main, ["build", "--days", "3", "--to", DAYS[-1], "--domain", "sensors"])

    told = plan("--domain", "reports")

    assert built.exit_code == 0
    assert told.output == "reports.totals@1 2026-11-02, 2026-11-03: sensors.readings@1 is at #1, read was #0\n"


def test_what_waits_is_told_with_what_for(mesh: SmallMesh) -> None:
    mesh.build(*DAYS)

    told = plan("--domain", "reports", days=4)

    assert told.output == "reports.totals@1 2026-10-31 waits for sensors.readings@1#0\n"


def test_json_says_the_same(mesh: SmallMesh) -> None:
    told = plan("--json", days=1)

    assert json.loads(told.output) == {
        "stale": [
            {"made": "sensors.events", "days": ["2026-11-03"], "reason": "not made yet", "after": []},
            {"made": "sensors.readings@1", "days": ["2026-11-03"], "reason": "after sensors.events", "after": ["sensors.events"]},
            {"made": "reports.totals@1", "days": ["2026-11-03"], "reason": "after sensors.readings@1", "after": ["sensors.readings@1"]},
        ],
        "waiting": [],
        "refused": [],
        "broken": [],
    }


def test_a_domain_that_does_not_load_leaves_the_others_told(mesh: SmallMesh) -> None:
    mesh.write("domains/reports/reports/definitions.py", "import nothing_there\n")

    told = plan(days=1)

    assert told.exit_code == 2
    assert told.stdout == "sensors.events 2026-11-03: not made yet\nsensors.readings@1 2026-11-03: after sensors.events\n"
    assert "reports: " in told.stderr
    assert "nothing_there" in told.stderr


def test_a_domain_with_its_own_interpreter_is_asked_there(mesh: SmallMesh) -> None:
    own = mesh.root / "own"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "python").symlink_to(sys.executable)
    (own / "lib").symlink_to(Path(sys.prefix) / "lib")
    (own / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    mesh.change("workspace.yaml", "location_name: sensors", "location_name: sensors, executable_path: own/bin/python")

    told = plan(days=1)

    assert told.output == (
        "sensors.events 2026-11-03: not made yet\n"
        "sensors.readings@1 2026-11-03: after sensors.events\n"
        "reports.totals@1 waits for sensors.readings@1: it has no snapshot yet.\n"
    )
