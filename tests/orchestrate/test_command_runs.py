"""Runs that a command makes in its own process, seen by the run monitoring of a mesh that runs beside it."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.launcher import WorkerStatus
from tests.small_mesh import SmallMesh, forget

from dagmesh.cli import main
from dagmesh.model.address import Address
from dagmesh.orchestrate.instance import install
from dagmesh.orchestrate.launcher import PROCESS


def test_the_board_shows_what_was_never_published_and_why(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mesh.export("2026-11-01", -10, 20)
    small_mesh.build("2026-11-01")
    monkeypatch.chdir(small_mesh.root)

    said = CliRunner().invoke(main, ["board"])

    assert [line.rstrip() for line in said.stdout.splitlines()] == [
        "product             owner         version  snapshot  rows  checks  promise   seconds",
        "reports.totals@1    team:reports  1.0.0    none                    not kept",
        "sensors.readings@1  team:sensors  1.0.0    none                    not kept",
        "reports.totals@1 was never published: it has not run yet. Owner: team:reports.",
        "sensors.readings@1 was never published. Owner: team:sensors.",
        "sensors.readings@1 2026-11-01 is refused: degrees >= 0. Owner: team:sensors.",
    ]


def health(instance: dg.DagsterInstance, run: dg.DagsterRun, pid: int) -> WorkerStatus:
    """How the launcher finds the run, as if that process had made it."""
    return instance.run_launcher.check_run_worker_health(run.with_tags({**run.tags, PROCESS: str(pid)})).status


def test_a_commands_run_is_healthy_as_long_as_the_command_lives(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with dg.DagsterInstance.from_config(str(install(small_mesh.mesh.home))) as instance:
        runs = instance.get_runs()

        assert {run.tags[PROCESS] for run in runs} == {str(os.getpid())}
        assert health(instance, runs[0], os.getpid()) == WorkerStatus.RUNNING
        assert health(instance, runs[0], 1) == WorkerStatus.RUNNING
        assert health(instance, runs[0], ended.pid) == WorkerStatus.FAILED


def test_a_failed_run_says_the_cause_and_the_line_and_the_board_shows_it_until_one_goes_well(
    small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = "domains/sensors/sensors/products/readings.py"
    small_mesh.change(product, "    return dm.sql(", '    raise ValueError("boom")\n    return dm.sql(')
    small_mesh.export("2026-11-01", 10)
    monkeypatch.chdir(small_mesh.root)
    forget()

    failed = CliRunner().invoke(main, ["run", "sensors.readings", "--day", "2026-11-01"])
    said = CliRunner().invoke(main, ["board"]).stdout
    small_mesh.change(product, '    raise ValueError("boom")\n', "")
    forget()
    mended = CliRunner().invoke(main, ["run", "sensors.readings", "--day", "2026-11-01"])

    assert failed.exit_code == 6
    assert "  ValueError: boom\n" in failed.stderr
    assert f'{product}", line' in failed.stderr
    assert len(failed.stderr.splitlines()) < 8
    assert re.search(r"sensors\.readings@1 failed at .* \(run .{8}\): ValueError: boom Owner: team:sensors\.", said)
    assert mended.exit_code == 0, mended.stderr
    assert "failed at" not in CliRunner().invoke(main, ["board"]).stdout


def on_a_terminal(command: list[str], folder: Path) -> str:
    """What a command writes to stderr where that is a terminal."""
    reading, terminal = pty.openpty()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=terminal) as process, os.fdopen(reading, "rb", 0) as shown:
        os.close(terminal)
        said = bytearray()
        with suppress(OSError):  # so Linux says that nobody has the terminal any more
            while piece := shown.read(1024):
                said += piece
    assert process.returncode == 0
    return said.decode()


def test_on_a_terminal_one_line_says_what_is_being_made(small_mesh: SmallMesh) -> None:
    small_mesh.export("2026-11-01", 10)

    said = on_a_terminal([sys.executable, "-m", "dagmesh", "build", "--days", "1", "--to", "2026-11-01"], small_mesh.root)

    lines = re.sub(r" \(.* s\)", "", said).split("\r\x1b[2K")
    assert lines == [
        "",
        "loading the domains",
        "sensors: events",
        "sensors: readings_v1",
        "\x1b[32mdone\x1b[0m sensors 2026-11-01: events, readings_v1\r\n",
        "reports: totals_v1",
        "\x1b[32mdone\x1b[0m reports 2026-11-01: totals_v1\r\n",
        "",
    ]


IN_PYTHON = """    import os, signal
    os.kill(os.getpid(), signal.NAME)
"""
IN_DUCKDB = """    import os, signal, threading
    threading.Timer(0.5, os.kill, [os.getpid(), signal.NAME]).start()
    duckdb.connect(config={"threads": 1}).execute("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b").fetchall()
"""


@pytest.mark.parametrize(("name", "code", "words"), [("SIGINT", 130, "stopped by Ctrl-C.\n"), ("SIGTERM", 143, "")])
@pytest.mark.parametrize("at", [IN_PYTHON, IN_DUCKDB], ids=["in Python", "in DuckDB"])
def test_ctrl_c_stops_the_build_and_the_next_one_makes_the_rest(small_mesh: SmallMesh, at: str, name: str, code: int, words: str) -> None:
    product = "domains/sensors/sensors/products/readings.py"
    stop = at.replace("NAME", name)
    small_mesh.change(product, "    return dm.sql(", f"{stop}    return dm.sql(")
    small_mesh.export("2026-11-01", 10)
    command = [sys.executable, "-m", "dagmesh", "build", "--days", "1", "--to", "2026-11-01"]

    stopped = subprocess.run(command, cwd=small_mesh.root, capture_output=True, text=True, check=False)
    small_mesh.change(product, stop, "")
    mended = subprocess.run(command, cwd=small_mesh.root, capture_output=True, text=True, check=False)

    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (code, "", words)
    assert mended.returncode == 0, mended.stderr
    assert small_mesh.rows("reports.totals") == [(date(2026, 11, 1), 10)]


def test_a_domain_that_cannot_be_imported_leaves_the_others_listed(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mesh.change(
        "domains/sensors/sensors/products/readings.py", "import dagmesh as dm\n", "import dagmesh as dm\nimport nope_module\n"
    )
    monkeypatch.chdir(small_mesh.root)
    forget()

    said = CliRunner().invoke(main, ["list"])

    assert said.exit_code == 0
    assert said.stderr == "domains/sensors/sensors/products/readings.py: line 5: ModuleNotFoundError: No module named 'nope_module'\n"
    assert "reports.totals@1" in said.stdout


def test_a_day_that_lost_its_file_is_made_again_by_the_next_build(small_mesh: SmallMesh) -> None:
    for day in ("2026-11-01", "2026-11-02"):
        small_mesh.export(day, 10, 20)
    small_mesh.build("2026-11-01", "2026-11-02")
    snapshot = small_mesh.lake.table(Address("sensors", "readings", 1)).snapshot()
    lost = next(file for file in snapshot.files if file.day == date(2026, 11, 1))
    Path(snapshot.place.storage.path(lost.path)).unlink()

    ran = small_mesh.build("2026-11-01", "2026-11-02")

    assert [(run.keys, run.days) for run in ran] == [((("sensors", "readings_v1"),), (date(2026, 11, 1),))]
    assert [row[1].day for row in small_mesh.rows("sensors.readings")] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "sensors.readings", "--day", "1999-01-01"], "sensors begins on 2026-01-01; got 1999-01-01."),
        (["run", "sensors.readings", "--day", "2999-01-01"], "2999-01-01 is not over; choose a day up to"),
        (["build", "--days", "0"], "0 is not in the range x>=1."),
        (
            ["run", "sensors.readings@1#0"],
            "'sensors.readings@1#0' names a snapshot, which is made once; write sensors.readings to make a new one.",
        ),
    ],
    ids=["too early", "not over", "no days", "snapshot"],
)
def test_what_cannot_be_made_is_refused_in_a_line(
    small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(small_mesh.root)

    said = CliRunner().invoke(main, arguments)

    assert said.exit_code == 2
    assert message in said.stderr
