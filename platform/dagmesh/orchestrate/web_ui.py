"""Dagster's web interface, twice from one process: the one that can write on loopback, and a read-only one behind an identity.

Both read the same loaded workspace, so that the second costs a few megabytes and no start of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from dagmesh.consume.identity.gate import Gate
from dagmesh.consume.identity.middleware import Identity
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.servers import LOOPBACK, ForAnalysts

# What `dagster-webserver` itself asks of its database: milliseconds of a statement, seconds of a connection, connections.
_DATABASE = (15_000, 3_600, 20)


class _ReadOnly(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """Dagster's web server as `--read-only` makes it, over the workspace that the writing one has loaded."""

    def _make_request_context(self, conn: HTTPConnection) -> WorkspaceRequestContext:
        context = self._process_context
        return WorkspaceRequestContext(
            instance=context.instance,
            current_workspace=context.get_current_workspace(),
            process_context=context,
            version=context.version,
            source=conn,
            read_only=True,
        )


def serve(mesh: Mesh, workspace: Path, port: int, analysts: ForAnalysts) -> None:
    """Serve both until told to stop: the writing one on loopback, for whoever has a shell here, the other for `analysts`."""
    configure_loggers()
    target = WorkspaceFileTarget([str(workspace)])
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(*_DATABASE)
        with WorkspaceProcessContext(instance, workspace_load_target=target, version=__version__) as context:
            writing: ASGIApp = create_app_from_workspace_process_context(context)
            # Nothing of it is open: what Dagster serves as static files comes after the login, too.
            reading = Identity(_ReadOnly(context).create_asgi_app(), Gate(mesh), opened=())
            asyncio.run(_both(writing, reading, port, analysts))


async def _both(writing: ASGIApp, reading: ASGIApp, port: int, analysts: ForAnalysts) -> None:
    """Run two servers; each hands a signal to stop on to the one begun before it, as uvicorn does at its end."""
    first = uvicorn.Config(writing, LOOPBACK, port, log_level="warning")
    second = uvicorn.Config(
        reading,
        analysts.host,
        analysts.port,
        log_level="warning",
        proxy_headers=False,  # else anybody on this machine could say that it fails from somewhere else
        ssl_certfile=analysts.certificate,
        ssl_keyfile=analysts.key,
    )
    await asyncio.gather(uvicorn.Server(first).serve(), uvicorn.Server(second).serve())
