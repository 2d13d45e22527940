"""Child processes that never outlive this one: fork, signals to wait for, and a guard that ends what is left.

Fork only while this process has one thread and no gRPC channel or database connection. Children live in a process group
of their own, so a Ctrl-C in the terminal reaches only the parent, which stops them in order.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def fork(main: Callable[[], object], *, group: int = 0, log: Path | None = None, closing: Iterable[int] = ()) -> int:
    """The process id of a child that runs `main` and ends.

    Args:
        main: what the child does; its exit code is 0 when this returns, the code of a SystemExit, else 1.
        group: process group to join; 0 leads a new one.
        log: file its output is appended to; without one it writes where this process does.
        closing: descriptors it must not keep open.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started this
            stream.flush()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # a signal to the child must not wake the parent
    pid = os.fork()
    if pid == 0:
        _be_child(main, group, log, closing)
    signal.pthread_sigmask(signal.SIG_SETMASK, held)
    return pid


def _be_child(main: Callable[[], object], group: int, log: Path | None, closing: Iterable[int]) -> None:
    code = 1
    try:
        os.setpgid(0, group)
        for descriptor in closing:
            os.close(descriptor)
        _fresh_signals()
        _redirect(log)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001 - the last frame of a process: whatever it was goes to its log
        traceback.print_exc()
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _fresh_signals() -> None:
    """Every signal as in a process just started; SIGINT too, which a shell's background job would leave ignored."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _redirect(log: Path | None) -> None:
    """Input from nowhere, output to the log."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    if log is not None:
        file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115 - open as long as the process
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115


def ended(pids: Iterable[int]) -> dict[int, int]:
    """The exit codes of those children that ended, negative for a signal; a code is given once."""
    codes = {}
    for pid in pids:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            codes[pid] = os.waitstatus_to_exitcode(status)
    return codes


def how(code: int) -> str:
    """`ended with exit code 1` or `was killed by SIGKILL`."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def environment_of(executable: str) -> dict[str, str]:
    """The environment for another interpreter: its own commands come first, as in an activated environment."""
    return {**os.environ, "PATH": f"{Path(executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


@contextmanager
def stop_requests() -> Iterator[Callable[[], set[int]]]:
    """Tells which of SIGINT, SIGTERM and SIGHUP came within, whatever a library made of them; hears nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield set
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def came() -> set[int]:
        ready, _, _ = select.select([read], [], [], 0)
        return set(os.read(read, 4096)) & set(_STOP) if ready else set()

    try:
        yield came
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)


class Signals:
    """The end of children and requests to stop, as something to wait for together with sockets and a time limit."""

    def __enter__(self) -> Signals:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, Any] = {number: signal.signal(number, lambda *_: None) for number in (*_STOP, signal.SIGCHLD)}
        self._woke_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self.stopping = False
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        signal.set_wakeup_fd(self._woke_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    @property
    def descriptors(self) -> tuple[int, int]:
        """What a child must close."""
        return (self._read, self._write)

    def wait(self, seconds: float, *readable: int) -> list[int]:
        """Those of `readable` that can be read; returns early on a signal. `stopping` is true once one asked to stop."""
        ready, _, _ = select.select([self._read, *readable], [], [], seconds)
        if self._read in ready:
            got = set(os.read(self._read, 4096))
            self.stopping = self.stopping or bool(got & set(_STOP))
        return [descriptor for descriptor in ready if descriptor != self._read]


class Guard:
    """A process group that is killed, grandchildren included, when this process ends, however it ends."""

    def __init__(self, closing: Iterable[int] = ()) -> None:
        read, self._held = os.pipe()
        self.pid = fork(lambda: _guard(read), closing=(self._held, *closing))
        os.close(read)
        _lead_group(self.pid)

    @property
    def descriptor(self) -> int:
        """What a child must close: the guard waits until nobody holds it."""
        return self._held

    def watching(self) -> bool:
        """Whether the guard itself still runs."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self) -> None:
        """Kill whatever is left of the group, the guard too."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._held)


def _lead_group(pid: int) -> None:
    """Make a child lead its group before the next child joins it; the child does the same, whichever comes first."""
    os.setpgid(pid, pid)


def _guard(read: int) -> None:
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)
    os.read(read, 1)
    os.killpg(0, signal.SIGKILL)
