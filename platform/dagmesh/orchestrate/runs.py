"""The warm parent of run workers: it has imported what a run needs, forks a worker for each, and knows how each is doing.

It asks nothing of Dagster itself, has one thread and holds no connection, so that a worker starts in milliseconds from a
clean state. One JSON question a connection: `launch`, `check` or `terminate` with a `run_id`; the answer is the worker's
state: `running` with its pid, `ended` with how, or `unknown`. Workers end with their parent: a run nobody knows is over.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from dagmesh.orchestrate.processes import Guard, Signals, ended, environment_of, fork, how
from dagmesh.orchestrate.sockets import LAUNCH_SOCKET, listen, receive, send

_REMEMBERED = 1000  # ended runs; Dagster asks about a run only until it has seen it end
_KILL_AFTER = 30.0  # seconds a terminated run may clean up
STOP_WITHIN = 10.0  # seconds a run may clean up when the mesh stops
_CLIENT_SECONDS = 5.0


@dataclass
class _Worker:
    pid: int
    code: int | None = None
    kill_at: float = math.inf

    def answer(self) -> dict[str, str]:
        if self.code is None:
            return {"state": "running", "pid": str(self.pid)}
        return {"state": "ended", "pid": str(self.pid), "how": how(self.code)}


def serve_runs(folder: Path) -> None:
    """Serve until told to stop, then stop the runs; the socket is `launch.sock` in the folder."""
    with Signals() as signals, listen(folder / LAUNCH_SOCKET) as server:
        parent = _Parent(signals, server)
        while not signals.stopping:
            if signals.wait(1.0, server.fileno()):
                parent.serve_one()
            parent.look_after()
        (folder / LAUNCH_SOCKET).unlink(missing_ok=True)
        parent.stop()


class _Parent:
    def __init__(self, signals: Signals, server: socket) -> None:
        self._signals = signals
        self._server = server
        self._guard = Guard(closing=(*signals.descriptors, server.fileno()))
        self._workers: dict[str, _Worker] = {}

    def serve_one(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            connection.settimeout(_CLIENT_SECONDS)
            try:
                question = receive(connection)
                send(connection, self._answer(question, connection))
            except (OSError, KeyError) as error:
                print(f"a question without an answer: {error!r}", file=sys.stderr)  # noqa: T201 - this process's log

    def _answer(self, question: dict[str, str], connection: socket) -> dict[str, str]:
        worker = self._workers.get(question["run_id"])
        if question["ask"] == "launch" and worker is None:
            worker = self._launch(question, connection)
        if question["ask"] == "terminate" and worker is not None and worker.code is None:
            self._terminate(worker, _KILL_AFTER)
        return worker.answer() if worker else {"state": "unknown"}

    def _launch(self, question: dict[str, str], connection: socket) -> _Worker:
        closing = (*self._signals.descriptors, self._server.fileno(), connection.fileno(), self._guard.descriptor)
        worker = _Worker(fork(lambda: _work(question), group=self._guard.pid, closing=closing))
        self._workers[question["run_id"]] = worker
        return worker

    def _terminate(self, worker: _Worker, seconds: float) -> None:
        os.kill(worker.pid, signal.SIGTERM)
        worker.kill_at = min(worker.kill_at, time.monotonic() + seconds)

    def look_after(self) -> None:
        """Note which workers ended, kill those that would not, forget the oldest that ended."""
        codes = ended(worker.pid for worker in self._running())
        for worker in self._running():
            worker.code = codes.get(worker.pid)
            if worker.code is None and time.monotonic() > worker.kill_at:
                os.kill(worker.pid, signal.SIGKILL)
                worker.kill_at = math.inf
        over = [run_id for run_id, worker in self._workers.items() if worker.code is not None][:-_REMEMBERED]
        for run_id in over:
            del self._workers[run_id]

    def _running(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.code is None]

    def stop(self) -> None:
        """End every run: Dagster records each as interrupted; the last resort is a kill."""
        self._server.close()
        for worker in self._running():
            self._terminate(worker, STOP_WITHIN)
        while self._running():
            self._signals.wait(0.5)
            self.look_after()
        self._guard.end()


def _work(question: dict[str, str]) -> None:
    """Run it as `dagster api execute_run` does, in the domain's folder and with the domain's interpreter."""
    os.chdir(question["directory"])
    if question["executable"] != sys.executable:
        environment = {**environment_of(question["executable"]), "DAGSTER_EXECUTE_RUN_ARGS": question["arguments"]}
        os.execve(question["executable"], [question["executable"], "-m", "dagster", "api", "execute_run"], environment)  # noqa: S606
    from dagster._cli.api import execute_run_command

    sys.path.insert(0, question["directory"])
    execute_run_command.main([question["arguments"]], standalone_mode=False)
