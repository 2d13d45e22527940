"""A build with a second process: a domain's events are folded beside another domain, and whoever dies, nothing is left running or lost."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import psutil
import pytest
from tests.event_mesh import EventMesh, event
from tests.event_mesh import event_mesh as event_mesh  # a fixture
from tests.running_mesh import until
from tests.small_mesh import HOME_SETTINGS, make_small_mesh

from dagmesh.lake.lake import Lake
from dagmesh.orchestrate.instance import install

DAYS = [f"2026-03-{number:02}" for number in range(1, 11)]
BUILD = ["build", "--days", str(len(DAYS)), "--to", DAYS[-1]]
DEED = """    from pathlib import Path
    import os, signal, threading
    Path(f"{os.environ['PIDS']}/library.new").write_text(str(os.getpid()))
    os.rename(f"{os.environ['PIDS']}/library.new", f"{os.environ['PIDS']}/library")
    if os.environ["DEED"] == "WAIT":
        threading.Event().wait()
    if os.environ["DEED"]:
        os.kill(os.getpid(), getattr(signal, os.environ["DEED"]))
    return events.feed"""


@pytest.fixture
def mesh(event_mesh: EventMesh, tmp_path: Path) -> EventMesh:
    """The mesh of events, and before it the domain `sensors`, which needs nothing of it; ten days handed over to both."""
    sensors = make_small_mesh(tmp_path / "other")
    shutil.copytree(sensors.root / "domains/sensors", event_mesh.root / "domains/sensors")
    listed = event_mesh.root / "workspace.yaml"
    stanza = re.search(r"  - .*location_name: library.*\n", listed.read_text())
    assert stanza
    event_mesh.change("workspace.yaml", stanza[0], stanza[0].replace("library", "sensors") + stanza[0])
    event_mesh.change("domains/library/library/sources.py", "    return events.feed", DEED)
    for number, day in enumerate(DAYS):
        sensors.export(day, 20, 30)
        registered = event(1, day, "ReaderRegistered", "r1", name="Ada Lovelace", email="ada@example.org", town="Bath")
        lent = event(2, day, "BookBorrowed", "r1", loan_id=day, book="a book", weeks=1)
        event_mesh.hand_over(day, [lent] if number else [registered, lent])
    shutil.copytree(sensors.root / ".dagmesh/exports/sensors", event_mesh.root / ".dagmesh/exports/sensors")
    return event_mesh


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """The folder where each process that made something of `library` leaves its number."""
    found = tmp_path / "pids"
    found.mkdir()
    return found


def build(mesh: EventMesh, pids: Path, deed: str = "") -> subprocess.Popen[str]:
    """A build of its own, in which the process that makes `library` sends itself a signal first."""
    environment = {name: value for name, value in os.environ.items() if name not in HOME_SETTINGS} | {"PIDS": str(pids), "DEED": deed}
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "dagmesh", *BUILD], cwd=mesh.root, env=environment, start_new_session=True, **said)


def published(mesh: EventMesh) -> dict[str, list[date]]:
    """The days of each product, verified; of a whole one none."""
    lake = Lake.of(mesh.mesh)
    for address in lake.addresses():
        lake.table(address).verify()
    return {address.product: sorted(lake.table(address).snapshot().days) for address in lake.addresses()}


def made(mesh: EventMesh, pids: Path) -> Iterator[str]:
    """The lines of a build that must succeed, without seconds."""
    process = build(mesh, pids)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    for line in errors.splitlines():
        yield re.sub(r" \(.*", "", line)


ALL = [date.fromisoformat(day) for day in DAYS]
EVERYTHING = {"addressed": [], "letters": [], "loans": ALL, "readers": [], "towns": [], "readings": ALL}


@pytest.mark.parametrize("first", ["sensors", "library"])
def test_a_domain_is_folded_beside_another_by_the_second_process(mesh: EventMesh, pids: Path, first: str) -> None:
    head, *stanzas = (mesh.root / "workspace.yaml").read_text().splitlines()
    in_order = sorted(stanzas, key=lambda stanza: f"location_name: {first}" not in stanza)
    mesh.write("workspace.yaml", "\n".join([head, *in_order, ""]))
    process = build(mesh, pids)
    _, errors = process.communicate()

    assert process.returncode == 0, errors
    assert int((pids / "library").read_text()) != process.pid
    assert sorted(line.split(":")[0] for line in errors.splitlines() if line.startswith("done")) == [
        f"done library {DAYS[0]} to {DAYS[-1]}",
        "done reports",
        f"done sensors {DAYS[0]} to {DAYS[-1]}",
    ]
    assert published(mesh) == EVERYTHING
    assert list(made(mesh, pids)) == ["nothing is new: every product is up to date."]


def test_a_second_process_that_is_killed_is_said_and_the_next_build_makes_what_it_did_not(mesh: EventMesh, pids: Path) -> None:
    process = build(mesh, pids, "SIGKILL")
    _, errors = process.communicate()

    assert process.returncode == 6
    assert "  the process that made it was killed by SIGKILL before it was done. What was published before is as it was.\n" in errors
    assert published(mesh) == {"readings": ALL}
    assert [line.split(":")[0] for line in made(mesh, pids)] == [f"done library {DAYS[0]} to {DAYS[-1]}", "done reports"]
    assert published(mesh) == EVERYTHING


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_nobody_behind(mesh: EventMesh, pids: Path, ended_by: signal.Signals) -> None:
    process = build(mesh, pids, "SIGSTOP")
    until(lambda: (pids / "library").exists())
    second = psutil.Process(int((pids / "library").read_text()))
    until(lambda: second.status() == psutil.STATUS_STOPPED)
    began = time.monotonic()

    process.send_signal(ended_by)
    process.communicate()  # its pipes are closed: nobody holds them

    assert process.returncode == {signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}[ended_by]
    assert time.monotonic() - began < 60
    until(lambda: not second.is_running() or second.status() == psutil.STATUS_ZOMBIE)
    assert set(made(mesh, pids)) >= {f"done library {DAYS[0]} to {DAYS[-1]}: library_events, letters_v1, loans_v1, readers_v1, towns_v1"}
    assert published(mesh) == EVERYTHING


def test_ctrl_c_while_waiting_for_the_second_process_ends_its_run_too(mesh: EventMesh, pids: Path) -> None:
    process = build(mesh, pids, "WAIT")
    assert process.stderr is not None
    assert next(line for line in process.stderr if line.startswith("done sensors"))
    until(lambda: (pids / "library").exists())

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()

    assert (process.returncode, errors) == (130, "stopped by Ctrl-C.\n")
    with dg.DagsterInstance.from_config(str(install(mesh.mesh.home))) as instance:
        assert sorted(run.status.value for run in instance.get_runs()) == ["FAILURE", "SUCCESS"]
