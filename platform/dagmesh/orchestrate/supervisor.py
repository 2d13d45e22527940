"""Named child processes: started, started again when they die, replaced on request, stopped in order."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dagmesh.errors import MeshError
from dagmesh.orchestrate.processes import Guard, Signals, ended, fork, how

_LOG = logging.getLogger("dagmesh.up")
_STEADY = 60.0  # seconds after which an earlier death no longer counts
_LONGEST_PAUSE = 30.0
_DEATHS = 5  # in a row, before the mesh gives up on a process it cannot do without


@dataclass
class _Process:
    name: str
    main: Callable[[], object]
    needed: bool
    stop_within: float
    pid: int | None = None
    since: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    kill_at: float | None = None


class Supervisor:
    """The processes of a running mesh; `pids` is kept in a file for those who look from outside."""

    def __init__(self, signals: Signals, guard: Guard, logs: Path, pids: Path, closing: Iterable[int]) -> None:
        self._signals = signals
        self._guard = guard
        self._logs = logs
        self._pids = pids
        self._closing = (*signals.descriptors, guard.descriptor, *closing)
        self._processes: dict[str, _Process] = {}

    def start(self, name: str, main: Callable[[], object], *, needed: bool = False, stop_within: float = 5.0) -> None:
        """Start a process; a `needed` one that keeps dying ends the mesh, any other is tried for ever.

        When asked to end it has `stop_within` seconds.
        """
        log = self.log(name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        self._processes[name] = _Process(name, main, needed, stop_within)
        self._start(self._processes[name])

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self._logs / f"{name.replace(os.sep, '_')}.log"

    def fork(self, name: str, main: Callable[[], object]) -> int:
        """The process id of a child that writes to the log of that name and ends with the mesh; the caller waits for it."""
        return fork(main, group=self._guard.pid, log=self.log(name), closing=self._closing)

    def _start(self, process: _Process) -> None:
        process.pid = self.fork(process.name, process.main)
        process.since = time.monotonic()
        process.kill_at = None
        self._publish()

    def _publish(self) -> None:
        running = {process.name: process.pid for process in self._processes.values() if process.pid}
        new = self._pids.with_suffix(".new")
        new.write_text(json.dumps({"supervisor": os.getpid(), **running}, indent=1), encoding="utf-8")
        new.replace(self._pids)

    def replace(self, name: str) -> None:
        """End a process and start it again at once, without counting it as a death."""
        process = self._processes[name]
        process.deaths = 0
        process.start_at = 0.0
        if process.pid is not None and process.kill_at is None:
            self._ask_to_end(process)

    def _ask_to_end(self, process: _Process) -> None:
        if process.pid is not None:
            os.kill(process.pid, signal.SIGTERM)
            process.kill_at = time.monotonic() + process.stop_within

    def look_after(self) -> None:
        """Start again what ended.

        Raises:
            MeshError: a process the mesh cannot do without keeps dying.
        """
        self._reap()
        now = time.monotonic()
        for process in self._processes.values():
            if process.pid is None and now >= process.start_at:
                self._start(process)
        if not self._guard.watching():
            raise MeshError("The guard that ends the mesh's processes with it was killed. Start again: dagmesh up")

    def _reap(self) -> None:
        codes = ended(process.pid for process in self._processes.values() if process.pid)
        for process in self._processes.values():
            code = codes.get(process.pid or 0)
            if code is not None:
                process.pid = None
                if process.kill_at is None:
                    self._note_death(process, code)
            elif process.pid and process.kill_at is not None and time.monotonic() > process.kill_at:
                _LOG.warning("%s did not end when asked to and is killed", process.name)
                os.kill(process.pid, signal.SIGKILL)
                process.kill_at = math.inf

    def _note_death(self, process: _Process, code: int) -> None:
        now = time.monotonic()
        process.deaths = 1 if now - process.since > _STEADY else process.deaths + 1
        pause = min(0.5 * 2 ** (process.deaths - 1), _LONGEST_PAUSE)
        process.start_at = now + pause
        _LOG.warning("%s %s; it starts again in %.1f s. See %s", process.name, how(code), pause, self.log(process.name))
        if process.needed and process.deaths >= _DEATHS:
            raise MeshError(f"{process.name} {how(code)}, {process.deaths} times in a row. Read {self.log(process.name)}, then: dagmesh up")

    def stop(self, *names: str) -> None:
        """End these processes, or all that are left, and wait until they have ended."""
        stopping = [process for process in self._processes.values() if not names or process.name in names]
        for process in stopping:
            self._ask_to_end(process)
        while any(process.pid for process in stopping):
            self._signals.wait(0.2)
            self._reap()
