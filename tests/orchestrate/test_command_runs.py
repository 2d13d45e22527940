"""Runs that a command makes in its own process, seen by the run monitoring of a mesh that runs beside it."""

import os
import subprocess
import sys

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.launcher import WorkerStatus
from tests.small_mesh import SmallMesh

from dagmesh.cli import main
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
        "sensors.readings@1 was never published: 2026-11-01 was refused: degrees >= 0. Owner: team:sensors.",
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
