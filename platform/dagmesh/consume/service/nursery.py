"""The nursery: a small clean process that has imported what workers need and forks one whenever the service asks.

The service has threads, so it cannot fork itself; a worker that starts by importing would take half a second. The nursery runs as
`python -m dagmesh.consume.service.nursery`, talks over one socket, and takes every worker with it when the service is gone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from dagmesh.consume.service.limits import MEBIBYTE
from dagmesh.consume.service.worker import work

_WORD = 64
_LOOK_EVERY = 1.0  # seconds between two looks for workers that ended by themselves
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl
_RESERVED = 256  # MiB of address space, not memory: stacks of threads and what allocators set aside took 220 in small queries


def main(descriptor: int, lake: str, memory_mb: int) -> None:
    """Fork and end workers as the service says, until it is gone.

    It says `fork`, with the worker's end of a socket, and is told the process id; or `end <process id>`.
    """
    if threading.active_count() > 1:
        raise RuntimeError(f"the nursery forks, so it has one thread; this one has {threading.active_count()}")
    service = socket.socket(fileno=descriptor)
    service.settimeout(_LOOK_EVERY)
    gc.collect()
    gc.freeze()  # the collector of a worker would otherwise copy every page it shares with the others
    living: set[int] = set()
    while (said := _next(service, living)) is not None:
        word, descriptors = said
        if word == "fork":
            living.add(_fork(service, descriptors[0], lake, memory_mb, living))
        else:
            _end(int(word.removeprefix("end ")), living)
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)  # what is frozen would be taken for leaks


def _next(service: socket.socket, living: set[int]) -> tuple[str, list[int]] | None:
    """What the service says next, with the descriptors it gives; None when it is gone."""
    while True:
        _bury(living)
        try:
            word, descriptors, _, _ = socket.recv_fds(service, _WORD, 1)
        except TimeoutError:
            continue
        return (word.decode(), descriptors) if word else None


def _bury(living: set[int]) -> None:
    """Take note of workers that ended; until then their process ids are nobody else's."""
    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            living.discard(pid)


def _end(pid: int, living: set[int]) -> None:
    if pid in living:
        os.kill(pid, signal.SIGKILL)


def _fork(service: socket.socket, descriptor: int, lake: str, memory_mb: int, living: set[int]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            living.clear()
            service.close()
            _confine(memory_mb)
            with socket.socket(fileno=descriptor) as own:
                work(own, lake, memory_mb)
            code = 0
        except (BrokenPipeError, ConnectionResetError):
            code = 0  # the service is gone, or wants no more of this worker
        except BaseException:  # noqa: BLE001 - the last frame of a process: whatever it was is its standard error's
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(descriptor)
    service.send(str(pid).encode())
    return pid


def _confine(memory_mb: int) -> None:
    """This process's limits: memory beyond what it has now, no file written, an end when the nursery ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + (memory_mb + _RESERVED) * MEBIBYTE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
