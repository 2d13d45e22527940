"""Real `dagmesh run` processes that meet, or die: one wins whole, nothing is torn, and the next run repairs."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.running_mesh import until
from tests.small_mesh import HOME_SETTINGS, make_small_mesh

from dagmesh.model.address import Address

DAY = datetime.now(UTC).date() - timedelta(days=1)
READINGS = Address("sensors", "readings", 1)
SENSORS = 2000


class Mesh:
    """The small mesh with a day of many readings, each of which a process moves by its own shift."""

    def __init__(self, root: Path) -> None:
        self.small = make_small_mesh(root)
        product = "domains/sensors/sensors/products/readings.py"
        self.small.change(product, "from datetime import date\n", "import os\nfrom datetime import date\n")
        self.small.change(product, '"SELECT sensor', 'f"SELECT sensor')
        self.small.change(product, "avg(degrees)::BIGINT", "avg(degrees)::BIGINT + {int(os.environ['SHIFT'])}")
        self.small.export(DAY.isoformat(), *[100] * SENSORS)

    def start(self, *arguments: str, shift: int = 0) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name not in HOME_SETTINGS} | {"SHIFT": str(shift)}
        command = [sys.executable, "-m", "dagmesh", *arguments]
        said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.small.root, env=environment, **said)

    def run(self, *arguments: str, shift: int = 0) -> str:
        """What a command says that must succeed."""
        process = self.start(*arguments, shift=shift)
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        return out

    def make(self, shift: int) -> subprocess.Popen[str]:
        """A process that makes the day."""
        return self.start("run", "sensors.readings", "--day", DAY.isoformat(), shift=shift)

    def shift(self) -> int | None:
        """The shift that every row of the day has, the whole day there and verified; None when nothing is published."""
        table = self.small.lake.table(READINGS)
        if table.newest is None:
            return None
        table.verify()
        degrees = [row[2] for row in self.small.rows("sensors.readings")]
        assert (len(degrees), len(set(degrees))) == (SENSORS, 1)
        return degrees[0] - 100

    def stages(self) -> list[Path]:
        return list(Path(self.small.lake.root, "sensors/readings/v1/_stage").glob("*"))

    def leave_a_stage(self) -> bool:
        """Whether a run was killed between its first staged byte and its publication."""
        process = self.make(2)
        until(lambda: self.stages() or process.poll() is not None, every=0.001)
        process.kill()
        process.communicate()
        return bool(self.stages()) and self.shift() == 1


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path / "mesh")


@pytest.mark.slow
def test_of_two_runs_of_one_day_at_once_one_wins_whole(mesh: Mesh) -> None:
    published = 0
    for shifts in ((1, 2), (3, 4)):  # at first on a mesh where nothing ever ran
        processes = [mesh.make(shift) for shift in shifts]
        errors = [process.communicate()[1] for process in processes]

        done = [process.returncode == 0 for process in processes]
        published += sum(done)
        assert any(done), errors
        assert all(ended or "attempts to commit lost to other publishers" in said for ended, said in zip(done, errors, strict=True)), errors
        assert mesh.shift() in shifts

    history = mesh.small.lake.table(READINGS).history(100)
    assert (len(history), all(past.trusted for past in history)) == (published, True)
    assert mesh.stages() == []


@pytest.mark.slow
def test_a_run_killed_at_any_point_leaves_the_last_good_day_and_the_next_run_repairs(mesh: Mesh) -> None:
    acknowledged = None
    for shift in range(1, 9):
        process = mesh.make(shift)
        if shift % 2:  # half of them while they compute and publish
            assert process.stderr is not None
            next(line for line in process.stderr if "readings" in line)
        killed = ended_by_kill(process, random.uniform(0, 0.4 if shift % 2 else 3))

        assert mesh.shift() in ([acknowledged, shift] if killed else [shift])
        acknowledged = mesh.shift()

    mesh.run("run", "sensors.readings", "--day", DAY.isoformat(), shift=99)

    assert mesh.shift() == 99


def ended_by_kill(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether the process had to be killed after so long; without a failure of its own before."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


@pytest.mark.slow
def test_the_stage_of_a_killed_run_is_removed_once_no_run_can_be_using_it(mesh: Mesh) -> None:
    mesh.run("run", "sensors.readings", "--day", DAY.isoformat(), shift=1)
    until(lambda: mesh.leave_a_stage(), seconds=300)

    said = [mesh.run("expire", "sensors.readings")]
    (stage,) = mesh.stages()
    for path in (*stage.rglob("*"), stage):
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    said.append(mesh.run("expire", "sensors.readings"))

    assert [re.findall(r"\d+ abandoned stages", words) for words in said] == [["0 abandoned stages"], ["1 abandoned stages"]]
    assert mesh.stages() == []
    assert mesh.shift() == 1
