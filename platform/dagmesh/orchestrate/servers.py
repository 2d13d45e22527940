"""What the processes of a running mesh do: code servers, web server, daemon. Each runs until it is told to stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dagmesh.consume.identity.principals_reading import is_loopback
from dagmesh.errors import MeshError
from dagmesh.model.mesh import Location, Mesh
from dagmesh.orchestrate.processes import environment_of
from dagmesh.orchestrate.sockets import listening

CORE = (
    *("dagster", "dagster._grpc.server", "dagster._cli.api", "dagster._daemon.cli"),
    *("dagster._core.storage.legacy_storage", "dagster._core.storage.runs", "dagster._core.storage.schedules"),
    *("dagmesh.orchestrate.event_log", "dagmesh.orchestrate.launcher"),
)
DATA = (
    *("duckdb", "deltalake", "pandas", "pandera.pandas", "pyarrow.parquet", "sqlglot.optimizer.qualify", "upath"),
    "dagmesh.orchestrate.definitions",
)
LOOPBACK = "127.0.0.1"
_PATIENCE = 20.0  # seconds the web server and the daemon wait for slow code servers; later ones they notice by themselves


@dataclass(frozen=True)
class ForAnalysts:
    """Where the read-only interface listens; beyond this machine with a certificate and its key, both files in PEM."""

    port: int
    host: str = LOOPBACK
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """Its address in a browser."""
        return f"http{'s' if self.certificate else ''}://{self.host}:{self.port}"

    def check(self) -> None:
        """Nothing, when tokens and cookies cannot be overheard.

        Raises:
            MeshError: they could, or a file of the certificate is not there.
        """
        missing = [file for file in (self.certificate, self.key) if file and not file.is_file()]
        if missing:
            raise MeshError(f"{missing[0]}: there is no such file. Give the certificate and its key as PEM files.")
        if not self.certificate and not is_loopback(self.host):
            raise MeshError(
                f"{self.host}: tokens would go over the network in clear text. Serve it with --tls-cert and --tls-key, "
                f"or stay on {LOOPBACK} behind a proxy that does TLS."
            )


def serve_location(location: Location, socket: Path) -> None:
    """Serve a domain's definitions, or the error that keeps them from loading, in the domain's folder and interpreter."""
    socket.unlink(missing_ok=True)
    os.chdir(location.folder)
    arguments = [
        *("--socket", str(socket), "--location-name", location.name),
        *("-m", location.module, "-a", location.attribute, "-d", str(location.folder)),
        *("--lazy-load-user-code", "--inject-env-vars-from-instance", "--use-python-environment-entry-point"),
    ]
    if location.executable and location.executable != sys.executable:
        command = [location.executable, "-m", "dagster", "api", "grpc", *arguments]
        os.execve(location.executable, command, environment_of(location.executable))  # noqa: S606 - a list, no shell
    from dagster._cli.api import grpc_command

    sys.path.insert(0, str(location.folder))
    grpc_command.main(arguments, standalone_mode=False)


def serve_ui(mesh: Mesh, workspace: Path, sockets: Iterable[Path], port: int, analysts: ForAnalysts) -> None:
    """Serve Dagster's web interface: to whoever has a shell here with the power to write, to analysts without."""
    from dagmesh.orchestrate.web_ui import serve

    _await(sockets)
    serve(mesh, workspace, port, analysts)


def serve_daemon(workspace: Path, sockets: Iterable[Path]) -> None:
    """Run Dagster's schedules, sensors, run queue and run monitoring."""
    from dagster._daemon.cli import run_command

    _await(sockets)
    run_command.main(["-w", str(workspace)], standalone_mode=False)


def _await(sockets: Iterable[Path]) -> None:
    """Return when every code server listens, or when waiting longer would hold up the domains that work."""
    limit = time.monotonic() + _PATIENCE
    waiting = set(sockets)
    while waiting and time.monotonic() < limit:
        waiting = {socket for socket in waiting if not listening(socket)}
        time.sleep(0.05)
