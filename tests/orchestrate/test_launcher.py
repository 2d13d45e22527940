"""Runs through the warm parent: real runs in real workers, told apart when they end, die or are terminated."""

import importlib
import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from dagmesh.orchestrate.instance import install
from dagmesh.orchestrate.launcher import ForkLauncher
from dagmesh.orchestrate.sockets import ask, listening

DEFINITIONS = """
import json, os, sys, time
from pathlib import Path

import dagster as dg

NOTES = Path(__file__).parent.parent

@dg.op
def note():
    import beside_the_package
    facts = {"parent": os.getppid(), "folder": os.getcwd(), "executable": sys.executable, "path": sys.path[0]}
    facts["beside"] = beside_the_package.HERE
    (NOTES / "facts.json").write_text(json.dumps(facts))

@dg.op
def wait():
    (NOTES / "waiting").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)

@dg.op
def vanish():
    os._exit(0)

@dg.job(executor_def=dg.in_process_executor)
def noting():
    note()

@dg.job(executor_def=dg.in_process_executor)
def waiting():
    wait()

@dg.job(executor_def=dg.in_process_executor)
def vanishing():
    vanish()

defs = dg.Definitions(jobs=[noting, waiting, vanishing])
"""
PARENT = """
import sys
from pathlib import Path
import dagster._cli.api
from dagmesh.orchestrate.runs import serve_runs
serve_runs(Path(sys.argv[1]))
"""


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"still not so after {seconds} s"
        time.sleep(0.05)


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("domain")
    (folder / "launching").mkdir()
    (folder / "launching" / "definitions.py").write_text(DEFINITIONS)
    (folder / "beside_the_package.py").write_text("HERE = 'found'")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("launching")]:
        del sys.modules[name]


@contextmanager
def instance_at(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(install(home))) as instance:
        yield instance


@contextmanager
def parent_at(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    (home / "run").mkdir(exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", PARENT, str(home / "run")]) as process:
        until(lambda: listening(home / "run" / "launch.sock"))
        yield process
        process.terminate()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose socket's path does not fit a socket address."""
    return tmp_path_factory.mktemp(("a long way down " * 8).strip())


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with instance_at(home) as instance:
        yield instance


@pytest.fixture(scope="module")
def warm(home: Path, instance: DagsterInstance) -> Iterator[subprocess.Popen[bytes]]:
    with parent_at(home) as process:
        yield process


def launch(instance: DagsterInstance, domain: Path, job: str, executable: str = sys.executable) -> DagsterRun:
    origin = JobPythonOrigin(job, RepositoryPythonOrigin(executable, ModuleCodePointer("launching.definitions", "defs", str(domain))))
    definition = getattr(importlib.import_module("launching.definitions"), job)
    run = instance.create_run_for_job(definition, job_code_origin=origin, status=DagsterRunStatus.STARTING)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    record = instance.get_run_by_id(run.run_id)
    assert record is not None
    return record.status


def health(instance: DagsterInstance, run: DagsterRun) -> tuple[WorkerStatus, str | None]:
    now = instance.get_run_by_id(run.run_id)
    assert now is not None
    result = instance.run_launcher.check_run_worker_health(now)
    return result.status, result.msg


def launch_waiting(instance: DagsterInstance, domain: Path) -> tuple[DagsterRun, psutil.Process]:
    file = domain / "waiting"
    file.unlink(missing_ok=True)
    run = launch(instance, domain, "waiting")
    until(lambda: file.exists() and file.read_text())
    return run, psutil.Process(int(file.read_text()))


def test_a_run_succeeds_in_a_worker_of_the_warm_parent_in_the_domains_folder(
    instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]
) -> None:
    run = launch(instance, domain, "noting")
    until(lambda: status(instance, run) == DagsterRunStatus.SUCCESS)

    facts = json.loads((domain / "facts.json").read_text())
    assert facts == {"parent": warm.pid, "folder": str(domain), "executable": sys.executable, "beside": "found", "path": str(domain)}


def test_a_domain_with_its_own_interpreter_runs_in_it(
    tmp_path: Path, instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]
) -> None:
    own = tmp_path / "own"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "python").symlink_to(sys.executable)
    (own / "lib").symlink_to(Path(sys.prefix) / "lib")
    (own / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())

    run = launch(instance, domain, "noting", executable=str(own / "bin" / "python"))
    until(lambda: status(instance, run) == DagsterRunStatus.SUCCESS)

    facts = json.loads((domain / "facts.json").read_text())
    assert facts == {**facts, "parent": warm.pid, "folder": str(domain), "executable": str(own / "bin" / "python"), "beside": "found"}


def test_only_this_user_may_use_the_socket(home: Path, warm: subprocess.Popen[bytes]) -> None:
    mode = (home / "run" / "launch.sock").stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_a_working_worker_is_healthy(instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]) -> None:
    run, _ = launch_waiting(instance, domain)

    assert health(instance, run) == (WorkerStatus.RUNNING, None)


def test_a_killed_worker_is_reported_with_its_signal(instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]) -> None:
    run, worker = launch_waiting(instance, domain)

    worker.kill()
    until(lambda: health(instance, run)[0] != WorkerStatus.RUNNING)

    assert health(instance, run) == (WorkerStatus.FAILED, "The worker was killed by SIGKILL before the run was finished.")


def test_a_worker_that_leaves_without_a_word_is_reported(instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]) -> None:
    run = launch(instance, domain, "vanishing")
    until(lambda: health(instance, run)[0] != WorkerStatus.RUNNING)

    assert health(instance, run) == (WorkerStatus.FAILED, "The worker ended with exit code 0 before the run was finished.")
    assert status(instance, run) == DagsterRunStatus.STARTED


def test_a_terminated_run_is_canceled_and_its_worker_ends(instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]) -> None:
    run, worker = launch_waiting(instance, domain)

    assert instance.run_launcher.terminate(run.run_id)

    until(lambda: status(instance, run) == DagsterRunStatus.CANCELED)
    until(lambda: ended(worker))
    assert not instance.run_launcher.terminate(run.run_id)


def test_a_second_launch_of_a_run_starts_no_second_worker(instance: DagsterInstance, domain: Path, warm: subprocess.Popen[bytes]) -> None:
    run, worker = launch_waiting(instance, domain)

    before = set(psutil.Process(warm.pid).children())

    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))

    assert worker in before
    assert set(psutil.Process(warm.pid).children()) <= before


def test_workers_end_with_their_parent_and_their_runs_are_known_to_be_over(tmp_path: Path, domain: Path) -> None:
    with instance_at(tmp_path) as instance, parent_at(tmp_path) as parent:
        run, worker = launch_waiting(instance, domain)

        parent.kill()

        until(lambda: ended(worker))
        assert health(instance, run) == (WorkerStatus.NOT_FOUND, "The warm parent that ran it is gone, and its workers with it.")


def test_a_new_parent_takes_the_place_of_one_that_died(tmp_path: Path, domain: Path) -> None:
    with instance_at(tmp_path) as instance:
        with parent_at(tmp_path) as first:
            first.kill()
            first.wait()
        assert (tmp_path / "run" / "launch.sock").exists()

        with parent_at(tmp_path):
            run = launch(instance, domain, "noting")
            until(lambda: status(instance, run) == DagsterRunStatus.SUCCESS)


def test_a_parent_that_stops_ends_its_runs_and_dagster_records_it(tmp_path: Path, domain: Path) -> None:
    with instance_at(tmp_path) as instance, parent_at(tmp_path) as parent:
        run, worker = launch_waiting(instance, domain)

        parent.terminate()

        assert parent.wait(30) == 0
        assert ended(worker)
        assert status(instance, run) == DagsterRunStatus.FAILURE
        assert not (tmp_path / "run" / "launch.sock").exists()


def test_a_question_that_is_none_does_not_stop_the_parent(home: Path, warm: subprocess.Popen[bytes]) -> None:
    with pytest.raises(ConnectionError):
        ask(home / "run" / "launch.sock", {"what": "is this"})

    assert ask(home / "run" / "launch.sock", {"ask": "check", "run_id": "none"}) == {"state": "unknown"}


@pytest.mark.slow
def test_without_a_warm_parent_a_run_starts_as_dagster_does_by_default(tmp_path: Path, domain: Path) -> None:
    target = ModuleTarget(module_name="launching.definitions", attribute="defs", working_directory=str(domain), location_name="launching")
    (domain / "waiting").unlink(missing_ok=True)
    with instance_at(tmp_path) as instance:
        with WorkspaceProcessContext(instance, target) as process:
            workspace = process.create_request_context()
            job = workspace.get_code_location("launching").get_repository("__repository__").get_full_job("waiting")
            run = instance.create_run_for_job(
                importlib.import_module("launching.definitions").waiting,
                remote_job_origin=job.get_remote_origin(),
                job_code_origin=job.get_python_origin(),
                status=DagsterRunStatus.STARTING,
            )

            instance.run_launcher.launch_run(LaunchRunContext(run, workspace))

            until((domain / "waiting").exists)
            assert health(instance, run) == (WorkerStatus.RUNNING, None)
            assert instance.run_launcher.terminate(run.run_id)
            until(lambda: status(instance, run) == DagsterRunStatus.CANCELED)
        assert any("the run starts in a new process" in event.message for event in instance.all_logs(run.run_id))


def test_a_killed_run_of_the_default_kind_is_reported_too(instance: DagsterInstance) -> None:
    run = DagsterRun(
        "job",
        run_id="gone",
        status=DagsterRunStatus.STARTED,
        tags={GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/nowhere.sock"})},
    )
    instance.add_run(run)

    assert isinstance(instance.run_launcher, ForkLauncher)
    assert health(instance, run)[0] == WorkerStatus.NOT_FOUND
