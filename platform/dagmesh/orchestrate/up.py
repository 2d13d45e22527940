"""The whole mesh running on one machine: every code location, the run parent, the web interface and the daemon.

All are forked from this process, which has imported Dagster and the data libraries once. It watches the domains' files,
starts again what dies, and takes everything with it when it ends. Plain `dagster dev` on the same workspace.yaml works too.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from dagmesh.consume.identity.secret_key import secret_key
from dagmesh.errors import MeshError
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate import servers
from dagmesh.orchestrate.changes import Watch
from dagmesh.orchestrate.instance import install, is_prepared, prepare
from dagmesh.orchestrate.processes import Guard, Signals
from dagmesh.orchestrate.readiness import Running, running_at
from dagmesh.orchestrate.runs import STOP_WITHIN, serve_runs
from dagmesh.orchestrate.servers import LOOPBACK, ForAnalysts
from dagmesh.orchestrate.sockets import RUN_FOLDER, short
from dagmesh.orchestrate.supervisor import Supervisor

_LOG = logging.getLogger("dagmesh.up")
_LOOK_EVERY = 0.5  # seconds between two looks at the domains' files
_UI, _DAEMON, _RUNS = "dagster-webserver", "dagster-daemon", "run-parent"  # no domain's name has a hyphen


def up(
    root: Path, home: Path, *, port: int = 3000, analysts: ForAnalysts | None = None, on_ready: Callable[[Running], object] | None = None
) -> int:
    """Run the mesh at `root` until Ctrl-C or SIGTERM; then 0, with every process ended.

    Args:
        root: the folder with workspace.yaml.
        home: where the mesh keeps its state; logs go to `<home>/logs`.
        port: of the web interface that can write; it listens on loopback only.
        analysts: where the read-only one listens; by default beside it, one port above.
        on_ready: called once, when the interface answers; it must leave no thread behind.

    Raises:
        MeshError: another `up` has this home, a port is taken, the read-only interface would send what it is told in clear text over
            a network, others can read the key of tokens, or a process the mesh needs keeps dying.
    """
    if threading.current_thread() is not threading.main_thread() or threading.active_count() > 1:
        raise MeshError(f"up() forks, so it needs a process with one thread; this one has {threading.active_count()}. Run: dagmesh up")
    home = home.absolute()
    mesh = replace(Mesh.find(root), home=home)
    analysts = analysts or ForAnalysts(port + 1)
    analysts.check()
    with ExitStack() as stack:
        lock = stack.enter_context(_alone(home))
        secret_key(home)
        _need_free(LOOPBACK, port, "--port")
        _need_free(analysts.host, analysts.port, "--analysts-port")
        stack.enter_context(_logging_to(_folder(home / "logs") / "up.log"))
        stack.enter_context(_environment(home, install(home)))
        run = stack.enter_context(short(_folder(home / RUN_FOLDER) / "location-000.sock")).parent
        signals = stack.enter_context(Signals())
        guard = Guard(closing=(lock, *signals.descriptors))
        stack.callback(guard.end)
        supervisor = Supervisor(signals, guard, home / "logs", run / "processes.json", closing=(lock,))
        running = _RunningMesh(mesh, run, port, analysts, signals, supervisor)
        stack.callback(gc.unfreeze)
        stack.callback(running.stop)
        running.start()
        running.look_after(on_ready or (lambda _: None))
    return 0


class _RunningMesh:
    def __init__(self, mesh: Mesh, run: Path, port: int, analysts: ForAnalysts, signals: Signals, supervisor: Supervisor) -> None:
        self._sockets = {location: run / f"location-{number:03}.sock" for number, location in enumerate(mesh.locations)}
        self._watches = {location: Watch(location.folder) for location in mesh.locations}
        self._mesh = mesh
        self._run = run
        self._port = port
        self._analysts = analysts
        self._signals = signals
        self._supervisor = supervisor
        self._preparing: int | None = None

    def start(self) -> None:
        """Start everything, unless asked to stop meanwhile: what can be done on a second core goes first."""
        for step in (self._import_core, self._prepare, self._start_ui, self._import_data, self._end_preparing, self._start_others):
            self._signals.wait(0)
            if not self._signals.stopping:
                step()

    def _import_core(self) -> None:
        _import(servers.CORE)

    def _prepare(self) -> None:
        folder = Path(os.environ["DAGSTER_HOME"])
        if not is_prepared(folder):
            self._preparing = self._supervisor.fork("prepare", partial(prepare, folder))

    def _start_ui(self) -> None:
        entries = [{"grpc_server": {"socket": str(path), "location_name": location.name}} for location, path in self._sockets.items()]
        self._workspace.write_text(json.dumps({"load_from": entries}, indent=1), encoding="utf-8")  # JSON is YAML
        for path in self._sockets.values():
            path.unlink(missing_ok=True)
        sockets = [*self._sockets.values()]
        main = partial(servers.serve_ui, self._mesh, self._workspace, sockets, self._port, self._analysts)
        self._supervisor.start(_UI, main, needed=True)

    @property
    def _workspace(self) -> Path:
        return self._run / "workspace.yaml"

    def _import_data(self) -> None:
        _import(servers.DATA)
        gc.collect()
        gc.freeze()  # the collector of a child would otherwise copy every page it shares with the others

    def _end_preparing(self) -> None:
        if self._preparing is not None and os.waitpid(self._preparing, 0)[1] != 0:
            log = self._supervisor.log("prepare")
            raise MeshError(f"{os.environ['DAGSTER_HOME']}: Dagster's databases could not be prepared. Read {log}")

    def _start_others(self) -> None:
        self._supervisor.start(_RUNS, partial(serve_runs, self._run), needed=True, stop_within=STOP_WITHIN + 5)
        for location, path in self._sockets.items():
            self._supervisor.start(location.name, partial(servers.serve_location, location, path))
        self._supervisor.start(_DAEMON, partial(servers.serve_daemon, self._workspace, [*self._sockets.values()]), needed=True)

    def look_after(self, on_ready: Callable[[Running], object]) -> None:
        """Until asked to stop: start again what died, reload what changed, and tell once that the mesh answers."""
        told = False
        while not self._signals.stopping:
            self._signals.wait(_LOOK_EVERY if told else _LOOK_EVERY / 5)
            self._supervisor.look_after()
            self._reload_changed()
            running = None if told else running_at(LOOPBACK, self._port)
            if running is not None:
                on_ready(running)
                told = True

    def _reload_changed(self) -> None:
        for location, watch in self._watches.items():
            if watch.changed():
                _LOG.info("%s changed; loading it again", location.name)
                self._supervisor.replace(location.name)

    def stop(self) -> None:
        """End everything: what starts runs first, then the runs, then what they need."""
        self._supervisor.stop(_UI, _DAEMON)
        self._supervisor.stop(_RUNS)
        self._supervisor.stop()


def _import(modules: tuple[str, ...]) -> None:
    for module in modules:
        importlib.import_module(module)


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextmanager
def _alone(home: Path) -> Iterator[int]:
    """A lock on the home, as a descriptor that children must close.

    Raises:
        MeshError: another process has it.
    """
    with (_folder(home) / "up.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise MeshError(
                f"{home}: process {file.read()} already runs this mesh. Stop it, or set DAGMESH_HOME to another folder."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _need_free(host: str, port: int, option: str) -> None:
    """Raise MeshError when something listens at the address, or nothing may."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise MeshError(
            f"{host}:{port} cannot be used: {why}. Stop what uses it, or choose another: dagmesh up {option} {port + 10}"
        ) from error


@contextmanager
def _environment(home: Path, dagster_home: Path) -> Iterator[None]:
    """This process's environment, and so its children's, with the mesh's folders in it."""
    wanted = {"DAGMESH_HOME": str(home), "DAGSTER_HOME": str(dagster_home), "DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD": "2"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    yield
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What dagmesh itself logs: to the terminal, and with the time to a file."""
    logger = logging.getLogger("dagmesh")
    level, handlers = logger.level, (logging.StreamHandler(), logging.FileHandler(file, encoding="utf-8"))
    handlers[1].setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(level)
    for handler in handlers:
        logger.removeHandler(handler)
        handler.close()
