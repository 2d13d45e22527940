"""The real command line in a mesh's folder, and its `dagmesh serve` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.small_mesh import HOME_SETTINGS


def environment(**more: str) -> Mapping[str, str]:
    """This process's environment without what would lead to another mesh, and more."""
    return {name: value for name, value in os.environ.items() if name not in HOME_SETTINGS} | more


def dagmesh(root: Path, *arguments: str, code: int = 0) -> str:
    """What a command printed that ended with the code expected, its errors too when it failed."""
    command = [sys.executable, "-m", "dagmesh", *arguments]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@contextmanager
def serve(root: Path, *options: str, **more: str) -> Iterator[str]:
    """Where `dagmesh serve` of the mesh answers; stopped at the end as by Ctrl-C, with nothing to complain of.

    Args:
        root: the mesh's folder.
        *options: of the command, beside a free port.
        **more: variables of the environment.
    """
    command = [sys.executable, "-m", "dagmesh", "serve", "--port", "0", "--workers", "1", *options]
    errors = root / ".dagmesh" / "serve.err"
    with (
        errors.open("w") as said,
        subprocess.Popen(command, cwd=root, env=environment(**more), stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            answers = re.match(r"dagmesh: (http://127\.0\.0\.1:\d+) ", process.stdout.readline())
            assert answers, errors.read_text()
            yield answers[1]
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
    assert (code, errors.read_text()) == (0, "")
