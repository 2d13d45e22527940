"""What the code of a run prints: into a file for the Dagster UI, and on to where it was going.

Dagster's own manager starts `tail` and a watcher of it for each stream of each run: four processes, and one that is
killed at the wrong moment leaves a `tail` that holds its terminal or pipe open for ever. A thread does it here.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, BinaryIO, TextIO

from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

_EVERY = 0.2  # seconds between looks at what is new
_PIECE = 1 << 20


class CapturedOutput(LocalComputeLogManager):
    """Dagster's files of captured output, followed by a thread; for `compute_logs` in dagster.yaml."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> CapturedOutput:
        """The manager that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Captures both streams until it is left; says then, by a file, that nothing more comes."""
        with ExitStack() as stack:
            for stream, kind in ((sys.stdout, ComputeIOType.STDOUT), (sys.stderr, ComputeIOType.STDERR)):
                file = Path(self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]))
                file.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_captured(stream, file))
            yield CapturedLogContext(log_key)
        Path(self.get_captured_local_path(log_key, "complete")).touch()


@contextmanager
def _captured(stream: TextIO, file: Path) -> Iterator[None]:
    """What is written to the stream's descriptor goes into the file, and from there on to where the descriptor led."""
    with file.open("ab") as captured:
        try:
            descriptor = stream.fileno()
        except io.UnsupportedOperation:  # no stream of the process's: somebody else keeps what is written
            yield
            return
        stream.flush()
        onward, ended = os.dup(descriptor), Event()
        follower = Thread(target=_follow, args=(file, onward, ended), daemon=True)
        follower.start()
        os.dup2(captured.fileno(), descriptor)
    try:
        yield
    finally:
        try:
            stream.flush()
        finally:  # also where the disk is full, so that what is said of it can be read
            os.dup2(onward, descriptor)
            ended.set()
            follower.join()
            os.close(onward)


def _follow(file: Path, descriptor: int, ended: Event) -> None:
    with file.open("rb") as captured:
        try:
            with open(descriptor, "wb", closefd=False) as onward:
                while not ended.wait(_EVERY):
                    _copy(captured, onward)
                _copy(captured, onward)
        except BrokenPipeError:  # nobody reads there any more; the file has everything
            return


def _copy(captured: BinaryIO, onward: BinaryIO) -> None:
    """Copy what is there by now: something that the run left behind may go on writing for ever."""
    left = os.fstat(captured.fileno()).st_size - captured.tell()
    while left > 0 and (piece := captured.read(min(left, _PIECE))):
        left -= onward.write(piece)
    onward.flush()
