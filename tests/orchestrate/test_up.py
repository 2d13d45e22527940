"""The running mesh: everything loads, a click runs, what dies or changes is put right, and nothing is left behind."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from dagmesh.orchestrate.instance import install

UP = """
import sys
from pathlib import Path
from dagmesh.errors import MeshError
from dagmesh.orchestrate.up import up

def ready(running):
    print("ready", running, running.broken, flush=True)

try:
    sys.exit(up(Path(sys.argv[1]), Path(sys.argv[2]), port=int(sys.argv[3]), on_ready=ready))
except MeshError as error:
    sys.exit(f"refused: {error}")
"""
ASSET = """
import json, os, sys, time
from pathlib import Path
import dagster as dg

NOTES = Path({notes!r})

@dg.asset
def {name}_facts() -> None:
    facts = {{"pid": os.getpid(), "parent": os.getppid(), "folder": os.getcwd(), "executable": sys.executable, "path": sys.path}}
    (NOTES / "{name}.json").write_text(json.dumps(facts))

@dg.asset
def {name}_endless() -> None:
    (NOTES / "{name}.endless").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)

@dg.asset
def {name}_library() -> None:
    import deltalake, duckdb, numpy, pandas, pandera.pandas, pyarrow as pa, pyarrow.parquet
    table = pa.Table.from_pandas(pandas.DataFrame({{"n": range(10_000)}}))
    deltalake.write_deltalake(str(NOTES / "{name}_table"), table)
    back = deltalake.DeltaTable(str(NOTES / "{name}_table")).to_pandas()
    pandera.pandas.DataFrameSchema({{"n": pandera.pandas.Column(int)}}).validate(back)
    assert duckdb.sql("select sum(n) from back").fetchall() == [(49_995_000,)]
    assert numpy.linalg.norm(numpy.ones((500, 500)) @ numpy.ones((500, 500))) > 0

assets = [{name}_facts, {name}_endless, {name}_library]
defs = dg.Definitions(assets=assets, executor=dg.in_process_executor)
"""
MORE = """
@dg.asset
def {name}_more() -> None:
    (NOTES / "{name}.more").write_text("more")

@dg.sensor(target=[{name}_more], minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def {name}_sensor():
    return dg.RunRequest(run_key="once")

defs = dg.Definitions(assets=[*assets, {name}_more], sensors=[{name}_sensor], executor=dg.in_process_executor)
"""
LAUNCH = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
ENTRIES = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { __typename ... on PythonError { message } }
} } } }"""


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"still not so after {seconds} s"
        time.sleep(0.05)


def free_port() -> int:
    """A port that is free, and the one above it, which the read-only interface takes."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server, contextlib.suppress(OSError):
            port: int = server.getsockname()[1]
            with socket.create_server(("127.0.0.1", port + 1)):
                return port


def ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class Mesh:
    """A mesh of trivial domains on disk, and the `up` that runs it."""

    root: Path
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def notes(self) -> Path:
        return self.root / "notes"

    def definitions(self, name: str) -> Path:
        return self.root / "domains" / name / name / "definitions.py"

    def make(self, *names: str, executables: dict[str, Path] | None = None) -> None:
        entries = []
        self.notes.mkdir(parents=True)
        for name in names:
            self.definitions(name).parent.mkdir(parents=True)
            self.definitions(name).write_text(ASSET.format(name=name, notes=str(self.notes)))
            module = {
                "module_name": f"{name}.definitions",
                "attribute": "defs",
                "working_directory": f"domains/{name}",
                "location_name": name,
            }
            if executables and name in executables:
                module["executable_path"] = str(executables[name])
            entries.append({"python_module": module})
        (self.root / "workspace.yaml").write_text(json.dumps({"load_from": entries}))

    def start(self) -> "Mesh":
        command = [sys.executable, "-c", UP, str(self.root), str(self.home), str(self.port)]
        with (self.root / "up.out").open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        until(lambda: self.said("ready") or self.process is None or self.process.poll() is not None)
        assert self.said("ready"), self.output()
        return self

    def output(self) -> str:
        return (self.root / "up.out").read_text()

    def said(self, word: str) -> bool:
        return word in self.output()

    def pid(self, name: str) -> int:
        pids: dict[str, int] = json.loads((self.home / "run" / "processes.json").read_text())
        return pids.get(name, 0)

    def tree(self) -> list[psutil.Process]:
        assert self.process is not None
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def ask(self, query: str, **variables: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(
                "POST", "/graphql", json.dumps({"query": query, "variables": variables}), {"Content-Type": "application/json"}
            )
            return json.loads(connection.getresponse().read())["data"]

    def answers(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False

    def locations(self) -> dict[str, str | None]:
        entries = self.ask(ENTRIES)["workspaceOrError"]["locationEntries"]
        return {entry["name"]: (entry["locationOrLoadError"] or {}).get("message") for entry in entries}

    def assets(self) -> set[str]:
        return {"/".join(node["assetKey"]["path"]) for node in self.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]}

    def press(self, domain: str, asset: str) -> Any:
        """What the Materialize button does, and its answer."""
        selector = {
            "repositoryLocationName": domain,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]}],
            "assetCheckSelection": [],
        }
        params = {"mode": "default", "executionMetadata": {"tags": []}, "runConfigData": {}, "selector": selector}
        return self.ask(LAUNCH, params=params)["launchPipelineExecution"]

    def click(self, domain: str, asset: str) -> str:
        answer = self.press(domain, asset)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def status(self, run_id: str) -> str:
        status: str = self.ask("query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)["runOrError"]["status"]
        return status

    def messages(self, run_id: str) -> str:
        query = "query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { ... on MessageEvent { message } } } } }"
        return "\n".join(event["message"] for event in self.ask(query, id=run_id)["logsForRun"]["events"])

    def finished(self, run_id: str, *, want: str = "SUCCESS") -> None:
        until(lambda: self.status(run_id) in ("SUCCESS", "FAILURE", "CANCELED"))
        assert self.status(run_id) == want, self.messages(run_id)

    def endless(self, domain: str) -> tuple[str, psutil.Process]:
        """A run that does not end by itself, and its worker."""
        file = self.notes / f"{domain}.endless"
        file.unlink(missing_ok=True)
        run_id = self.click(domain, f"{domain}_endless")
        until(lambda: file.exists() and file.read_text())
        return run_id, psutil.Process(int(file.read_text()))

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """One running mesh for the claims that leave it running; its home's path does not fit a socket's address."""
    root = tmp_path_factory.mktemp("mesh")
    own = root / "own"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "python").symlink_to(sys.executable)
    (own / "lib").symlink_to(Path(sys.prefix) / "lib")
    (own / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    mesh = Mesh(root, root / ("far down " * 12).strip(), free_port())
    mesh.make("orders", "growing", "broken", "fragile", "apart", executables={"apart": own / "bin" / "python"})
    mesh.definitions("broken").write_text("import no_such_module")
    settings = install(mesh.home) / "dagster.yaml"
    impatient = settings.read_text().replace("poll_interval_seconds: 10", "poll_interval_seconds: 1")
    settings.write_text(impatient.replace("max_retries: 2", "max_retries: 0"))
    yield mesh.start()
    mesh.stop()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Mesh]:
    """A mesh of two domains for one claim, not yet running."""
    mesh = Mesh(tmp_path, tmp_path / ".dagmesh", free_port())
    mesh.make("orders", "finance")
    yield mesh
    mesh.stop()


def test_every_location_is_loaded_and_a_broken_one_shows_why(mesh: Mesh) -> None:
    locations = mesh.locations()

    assert {name for name, message in locations.items() if message is None} >= {"orders", "growing", "fragile", "apart"}
    assert "no_such_module" in mesh.output()
    assert "orders_facts" in mesh.assets()


def test_a_click_runs_in_a_forked_worker_in_the_domains_folder(mesh: Mesh) -> None:
    mesh.finished(mesh.click("orders", "orders_facts"))

    facts = json.loads((mesh.notes / "orders.json").read_text())
    folder = str(mesh.root / "domains" / "orders")
    assert facts["parent"] == mesh.pid("run-parent")
    assert facts["folder"] == folder
    assert facts["path"][0] == folder


def test_the_data_libraries_work_in_a_forked_worker(mesh: Mesh) -> None:
    mesh.finished(mesh.click("orders", "orders_library"))


def test_a_domain_with_its_own_interpreter_is_served_and_run_by_it(mesh: Mesh) -> None:
    mesh.finished(mesh.click("apart", "apart_facts"))

    own = str(mesh.root / "own" / "bin" / "python")
    assert json.loads((mesh.notes / "apart.json").read_text())["executable"] == own
    assert psutil.Process(mesh.pid("apart")).cmdline()[0] == own


def test_a_changed_domain_is_loaded_again_and_the_daemon_sees_it_too(mesh: Mesh) -> None:
    with mesh.definitions("growing").open("a") as file:
        file.write(MORE.format(name="growing"))

    until(lambda: "growing_more" in mesh.assets())
    until((mesh.notes / "growing.more").exists)


def test_a_broken_domain_is_loaded_once_it_is_mended(mesh: Mesh) -> None:
    mesh.definitions("broken").write_text(ASSET.format(name="broken", notes=str(mesh.notes)))

    until(lambda: mesh.locations()["broken"] is None)
    mesh.finished(mesh.click("broken", "broken_facts"))


def test_a_killed_code_server_is_started_again(mesh: Mesh) -> None:
    before = mesh.pid("fragile")

    os.kill(before, signal.SIGKILL)

    until(lambda: mesh.pid("fragile") not in (0, before))
    until(lambda: mesh.press("fragile", "fragile_facts")["__typename"] == "LaunchRunSuccess")


def test_a_killed_web_server_is_started_again(mesh: Mesh) -> None:
    os.kill(mesh.pid("dagster-webserver"), signal.SIGKILL)

    until(mesh.answers)
    assert mesh.locations()["orders"] is None


def test_a_killed_daemon_is_started_again_and_runs_are_launched(mesh: Mesh) -> None:
    os.kill(mesh.pid("dagster-daemon"), signal.SIGKILL)

    mesh.finished(mesh.click("orders", "orders_facts"))


def test_a_killed_run_parent_fails_its_runs_and_the_next_run_works(mesh: Mesh) -> None:
    run_id, worker = mesh.endless("orders")

    os.kill(mesh.pid("run-parent"), signal.SIGKILL)

    mesh.finished(run_id, want="FAILURE")
    assert ended(worker)
    mesh.finished(mesh.click("orders", "orders_facts"))


def test_a_killed_worker_fails_its_run(mesh: Mesh) -> None:
    run_id, worker = mesh.endless("orders")

    worker.kill()

    mesh.finished(run_id, want="FAILURE")
    assert "The worker was killed by SIGKILL before the run was finished." in mesh.messages(run_id)


def test_a_run_terminated_in_the_ui_is_canceled(mesh: Mesh) -> None:
    run_id, worker = mesh.endless("orders")

    mesh.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)

    mesh.finished(run_id, want="CANCELED")
    until(lambda: ended(worker))


def test_a_domain_with_many_runs_does_not_hold_up_the_others(mesh: Mesh) -> None:
    many = [mesh.click("orders", "orders_endless") for _ in range(4)]

    mesh.finished(mesh.click("fragile", "fragile_facts"))

    until(lambda: sorted(mesh.status(run_id) for run_id in many) == ["QUEUED", "QUEUED", "STARTED", "STARTED"])
    for run_id in sorted(many, key=mesh.status):  # the queued ones first: Dagster may start one while it is canceled
        mesh.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
        mesh.finished(run_id, want="CANCELED")


def test_edited_settings_are_kept_and_it_is_said(mesh: Mesh) -> None:
    assert "was edited by hand and is kept" in mesh.output()
    assert "poll_interval_seconds: 1\n" in (mesh.home / "dagster" / "dagster.yaml").read_text()


def test_another_up_on_the_same_home_is_refused(mesh: Mesh) -> None:
    command = [sys.executable, "-c", UP, str(mesh.root), str(mesh.home), str(free_port())]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert mesh.process is not None
    assert refused.returncode == 1
    assert refused.stderr == (
        f"refused: {mesh.home}: process {mesh.process.pid} already runs this mesh. Stop it, or set DAGMESH_HOME to another folder.\n"
    )


def test_a_port_in_use_is_refused(tmp_path: Path, mesh: Mesh) -> None:
    command = [sys.executable, "-c", UP, str(mesh.root), str(tmp_path), str(mesh.port)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert refused.returncode == 1
    assert refused.stderr == (
        f"refused: 127.0.0.1:{mesh.port} cannot be used: Address already in use."
        f" Stop what uses it, or choose another: dagmesh up --port {mesh.port + 10}\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_ends_every_process_and_the_runs(small: Mesh, number: signal.Signals) -> None:
    small.start()
    _, worker = small.endless("orders")
    processes = [*small.tree(), worker]

    assert small.process is not None
    small.process.send_signal(number)

    assert small.process.wait(60) == 0
    assert [process for process in processes if not ended(process)] == []
    assert list((small.home / "run").glob("*.sock")) == []


@pytest.mark.slow
def test_a_killed_supervisor_takes_every_process_with_it(small: Mesh) -> None:
    small.start()
    _, worker = small.endless("orders")
    processes = [*small.tree(), worker]

    assert small.process is not None
    small.process.kill()

    until(lambda: all(ended(process) for process in processes), seconds=20)


@pytest.mark.slow
def test_a_mesh_starts_again_on_the_home_of_one_that_was_killed(small: Mesh) -> None:
    small.start()
    run_id, _ = small.endless("orders")
    assert small.process is not None
    small.process.kill()
    small.process.wait()

    small.start()

    small.finished(small.click("orders", "orders_facts"))
    small.finished(run_id, want="FAILURE")


@pytest.mark.slow
def test_a_background_job_of_a_shell_without_job_control_can_be_stopped(small: Mesh) -> None:
    command = [sys.executable, "-c", UP, str(small.root), str(small.home), str(small.port)]
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    small.process = subprocess.Popen([sys.executable, "-c", ignoring, *command])
    until(small.answers)
    processes = small.tree()

    small.process.terminate()

    assert small.process.wait(60) == 0
    assert [process for process in processes if not ended(process)] == []


@pytest.mark.slow
def test_a_stop_while_starting_is_heard(small: Mesh) -> None:
    command = [sys.executable, "-c", UP, str(small.root), str(small.home), str(small.port)]
    small.process = subprocess.Popen(command)
    until((small.home / "run" / "processes.json").exists)
    processes = small.tree()

    small.process.terminate()

    assert small.process.wait(60) == 0
    assert [process for process in processes if not ended(process)] == []


@pytest.mark.slow
def test_plain_dagster_dev_runs_the_same_workspace_and_home(small: Mesh) -> None:
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(small.port)]
    environment = {**os.environ, "DAGSTER_HOME": str(install(small.home))}
    small.process = subprocess.Popen(command, cwd=small.root, env=environment)
    until(small.answers, seconds=120)

    run_id = small.click("orders", "orders_facts")

    until(lambda: small.status(run_id) in ("SUCCESS", "FAILURE"), seconds=120)
    assert small.status(run_id) == "SUCCESS", small.messages(run_id)
    assert "the run starts in a new process" in small.messages(run_id)
