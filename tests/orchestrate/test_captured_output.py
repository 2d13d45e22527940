"""What a run prints: in Dagster's file whole, and on to where it was going, with no process that could outlive the run."""

import inspect
import io
import subprocess
import sys
import textwrap
from contextlib import redirect_stdout
from pathlib import Path

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from dagmesh.orchestrate.captured_output import CapturedOutput

PROGRAM = """
import os, sys
from pathlib import Path
from dagmesh.orchestrate.captured_output import CapturedOutput

manager = CapturedOutput.from_config_value(None, {"base_dir": sys.argv[1]})
print("before")
with manager.capture_logs(["run", "compute_logs", "key"]):
    print("of Python")
    os.system("echo of another process; echo its error >&2")
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("no processes")
    sys.stdout.flush()
    assert not manager.is_capture_complete(["run", "compute_logs", "key"])
    LAST
assert manager.is_capture_complete(["run", "compute_logs", "key"])
print("after")
"""


def started(folder: Path, last: str) -> subprocess.Popen[str]:
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", PROGRAM.replace("LAST", last), str(folder)], **said)


def test_dagster_still_captures_the_way_this_class_overrides() -> None:
    expected = """
    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        outpath = self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[ComputeIOType.STDOUT])
        errpath = self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[ComputeIOType.STDERR])
        with mirror_stream_to_file(sys.stdout, outpath), mirror_stream_to_file(sys.stderr, errpath):
            yield CapturedLogContext(log_key)

        # leave artifact on filesystem so that we know the capture is completed
        touch_file(self.complete_artifact_path(log_key))
    """
    assert textwrap.dedent(inspect.getsource(LocalComputeLogManager.capture_logs)).strip() == textwrap.dedent(expected).strip()


def test_what_is_printed_is_kept_and_goes_on_in_order(tmp_path: Path) -> None:
    out, errors = started(tmp_path, "print('x' * 200_000)").communicate(timeout=60)

    captured = "of Python\nof another process\nno processes\n" + "x" * 200_000 + "\n"
    assert (tmp_path / "run/compute_logs/key.out").read_text() == captured
    assert (tmp_path / "run/compute_logs/key.err").read_text() == "its error\n"
    assert (out, errors) == (f"before\n{captured}after\n", "its error\n")


def test_a_killed_run_leaves_no_process_that_holds_its_pipes(tmp_path: Path) -> None:
    process = started(tmp_path, "import time; time.sleep(600)")
    assert process.stdout is not None
    assert next(line for line in process.stdout if "no processes" in line)  # it came while the run goes on

    process.kill()
    process.communicate(timeout=60)

    assert "of another process\n" in (tmp_path / "run/compute_logs/key.out").read_text()


def test_a_run_goes_on_when_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    with started(tmp_path, "print('x' * 200_000); sys.stdout.flush(); print('y')") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()

    assert (tmp_path / "run/compute_logs/key.out").read_text().endswith("x\ny\n")


def test_a_stream_that_is_no_descriptor_is_left_alone(tmp_path: Path) -> None:
    said = io.StringIO()
    with redirect_stdout(said), CapturedOutput(str(tmp_path)).capture_logs(["key"]):
        sys.stdout.write("kept elsewhere\n")

    assert said.getvalue() == "kept elsewhere\n"
    assert (tmp_path / "key.out").read_text() == ""
