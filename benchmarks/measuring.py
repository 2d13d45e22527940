"""CPU seconds, wall seconds and peak memory of a command's whole process tree, and the machine they were taken on."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import psutil

Figures = dict[str, float]


def measured(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path | None = None) -> Figures:
    """`cpu_s` (user and system), `wall_s` and `peak_mb` (sampled every 50 ms; what processes share counts once) of a command.

    Args:
        command: what to run.
        folder: where.
        environment: variables it has beside this process's own.
        log: where its output is appended; None: nowhere.

    Raises:
        SystemExit: the command did not end with 0.
    """
    with (log or Path(os.devnull)).open("ab") as output:
        began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=output)
        peak = Peak(process.pid)
        code = process.wait()
        wall = perf_counter() - began
        peak.stop()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}{f'; see {log}' if log else ''}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(wall, 2), "peak_mb": peak.bytes >> 20}


class Peak(threading.Thread):
    """Watches a process tree's memory until stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        """Sample until stopped or until the process is gone."""
        while not self._stopped.wait(0.05):
            try:
                self.bytes = max(self.bytes, tree_bytes(self._process))
            except psutil.NoSuchProcess:
                continue

    def stop(self) -> None:
        """Stop sampling."""
        self._stopped.set()
        self.join()


def tree_bytes(root: psutil.Process) -> int:
    """What a process and all below it have, shared pages counted once.

    Raises:
        psutil.NoSuchProcess: it is gone.
    """
    found = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            found += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it ends just now
            continue
    return found


def own_peak_mb() -> int:
    """The most memory that this process had; `ru_maxrss` would count its parent's."""
    [said] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(said.split()[1]) >> 10


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total >> 30
    return {"cpus": os.cpu_count(), "memory_gb": memory, "system": platform.system(), "python": platform.python_version()}
