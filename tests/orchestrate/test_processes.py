"""Forked children: fresh signals, their own log, restarts within bounds, and nothing left when the parent is gone."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

BEGIN = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from dagmesh.errors import MeshError
from dagmesh.orchestrate.processes import Guard, Signals, ended, fork, how
from dagmesh.orchestrate.supervisor import Supervisor

folder = Path(sys.argv[1])

def until(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)
"""


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"still not so after {seconds} s"
        time.sleep(0.02)


def program(folder: Path, text: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BEGIN + textwrap.dedent(text), str(folder)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run(folder: Path, text: str) -> str:
    process = program(folder, text)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("None", "ended with exit code 0"),
        ("sys.exit(3)", "ended with exit code 3"),
        ("sys.exit('no')", "ended with exit code 1"),
        ("1 / 0", "ended with exit code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
    ],
)
def test_how_a_child_ended_is_said(tmp_path: Path, main: str, expected: str) -> None:
    out = run(tmp_path, f"print(how(os.waitstatus_to_exitcode(os.waitpid(fork(lambda: {main}, log=folder / 'log'), 0)[1])))")

    assert out == f"{expected}\n"


def test_a_child_writes_to_its_log_even_what_it_dies_of(tmp_path: Path) -> None:
    run(tmp_path, "os.waitpid(fork(lambda: print('hello') or 1 / 0, log=folder / 'log'), 0)")

    assert (tmp_path / "log").read_text().startswith("hello\nTraceback")
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()


def test_a_child_has_fresh_signals_whatever_its_parent_did(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        """
        def report():
            numbers = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)
            kinds = {number.name: signal.getsignal(number) is signal.SIG_DFL for number in numbers}
            kinds["SIGINT"] = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            kinds["blocked"] = len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            (folder / "report").write_text(json.dumps(kinds))

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with Signals():
            os.waitpid(fork(report), 0)
        print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
        """,
    )

    expected = {"SIGTERM": True, "SIGCHLD": True, "SIGHUP": True, "SIGINT": True, "blocked": 0}
    assert json.loads((tmp_path / "report").read_text()) == expected
    assert out == "True\n"


def test_a_signal_to_a_child_just_forked_does_not_stop_its_parent(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        """
        with Signals() as signals:
            for _ in range(200):
                child = fork(lambda: signal.pause())
                os.kill(child, signal.SIGTERM)
                os.waitpid(child, 0)
            signals.wait(0)
            print(signals.stopping)
        """,
    )

    assert out == "False\n"


def test_waiting_takes_its_time_after_a_request_to_stop(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        """
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            signals.wait(5)
            os.waitpid(fork(lambda: None), 0)
            signals.wait(5)
            begin = time.monotonic()
            signals.wait(0.3)
            print(signals.stopping, time.monotonic() - begin >= 0.3)
        """,
    )

    assert out == "True True\n"


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "guard.end()"])
def test_children_and_their_children_end_with_the_parent(tmp_path: Path, end: str) -> None:
    process = program(
        tmp_path,
        f"""
        def family():
            own = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
            (folder / "pids.new").write_text(json.dumps([os.getpid(), own.pid]))
            (folder / "pids.new").rename(folder / "pids")
            signal.pause()

        guard = Guard()
        fork(family, group=guard.pid, closing=(guard.descriptor,))
        until((folder / "pids").exists)
        (folder / "guard").write_text(str(guard.pid))
        until((folder / "go").exists)
        {end}
        """,
    )
    until((tmp_path / "guard").exists)
    pids = [*json.loads((tmp_path / "pids").read_text()), int((tmp_path / "guard").read_text())]
    family = [psutil.Process(pid) for pid in pids]
    assert [member.is_running() for member in family] == [True, True, True]

    (tmp_path / "go").touch()

    process.communicate(timeout=30)
    until(lambda: all(not member.is_running() or member.status() == psutil.STATUS_ZOMBIE for member in family))


SUPERVISED = """
(folder / "logs").mkdir()
with Signals() as signals:
    guard = Guard(closing=signals.descriptors)
    supervisor = Supervisor(signals, guard, folder / "logs", folder / "processes.json", ())
    try:
{body}
    finally:
        supervisor.stop()
        guard.end()
"""


def supervised(folder: Path, body: str) -> str:
    return run(folder, SUPERVISED.format(body=textwrap.indent(textwrap.dedent(body), " " * 8)))


@pytest.mark.slow
def test_a_needed_process_that_keeps_dying_ends_the_mesh_with_a_reason(tmp_path: Path) -> None:
    out = supervised(
        tmp_path,
        """
        supervisor.start("daemon", lambda: sys.exit(7), needed=True)
        try:
            while True:
                signals.wait(0.05)
                supervisor.look_after()
        except MeshError as error:
            print(error)
        """,
    )

    assert out.splitlines()[-1] == f"daemon ended with exit code 7, 5 times in a row. Read {tmp_path}/logs/daemon.log, then: dagmesh up"


def test_a_process_that_keeps_dying_is_started_less_and_less_often(tmp_path: Path) -> None:
    out = supervised(
        tmp_path,
        """
        supervisor.start("orders", lambda: sys.exit(7))
        limit = time.monotonic() + 4
        while time.monotonic() < limit:
            signals.wait(0.05)
            supervisor.look_after()
        """,
    )

    pauses = [line.split("; ")[1].split(" s.")[0] for line in out.splitlines()]
    assert pauses[:3] == ["it starts again in 0.5", "it starts again in 1.0", "it starts again in 2.0"]


def test_a_replaced_process_is_another_one_and_not_counted_as_dead(tmp_path: Path) -> None:
    out = supervised(
        tmp_path,
        """
        pid = lambda: json.loads((folder / "processes.json").read_text())["orders"]
        supervisor.start("orders", signal.pause)
        before = pid()
        supervisor.replace("orders")
        while pid() == before:
            signals.wait(0.05)
            supervisor.look_after()
        print("replaced")
        """,
    )

    assert out == "replaced\n"


def test_a_process_that_will_not_end_is_killed(tmp_path: Path) -> None:
    begin = time.monotonic()
    out = supervised(
        tmp_path,
        """
        def stubborn():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            (folder / "ready").touch()
            while True:
                signal.pause()

        supervisor.start("stubborn", stubborn)
        until((folder / "ready").exists)
        """,
    )

    assert out == "stubborn did not end when asked to and is killed\n"
    assert time.monotonic() - begin < 30


def test_a_mesh_without_its_guard_stops(tmp_path: Path) -> None:
    out = supervised(
        tmp_path,
        """
        os.kill(guard.pid, signal.SIGKILL)
        try:
            while True:
                signals.wait(0.05)
                supervisor.look_after()
        except MeshError as error:
            print(error)
        """,
    )

    assert out == "The guard that ends the mesh's processes with it was killed. Start again: dagmesh up\n"
