"""Serving the application: on loopback as it is, elsewhere with TLS only."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from dagmesh.errors import MeshError

_STOP_WITHIN = 10  # seconds that answers have to end after Ctrl-C


def serve(
    app: Starlette,
    *,
    host: str = "127.0.0.1",
    port: int = 3080,
    tls: tuple[Path, Path] | None = None,
    on_ready: Callable[[str], object] | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        app: the application.
        host: where to listen.
        port: its port; 0 takes a free one.
        tls: a certificate chain and its key, PEM files.
        on_ready: called once with the service's URL when it answers.

    Raises:
        MeshError: the host is not this machine's own and there is no TLS, or the port or a file cannot be used.
    """
    if tls is None and not _is_loopback(host):
        raise MeshError(f"{host} is reached by others, and tokens are not sent in the clear: add --tls-cert and --tls-key.")
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # else anybody on this machine could say that it asks from somewhere else
        timeout_graceful_shutdown=_STOP_WITHIN,
    )
    try:
        config.load()
    except OSError as error:
        raise MeshError(
            f"--tls-cert {certificate}, --tls-key {key}: {error.strerror or error}. Give the chain and its key as PEM."
        ) from error
    with _listening(host, port) as listener:
        url = f"{'https' if tls else 'http'}://{_bracketed(host)}:{listener.getsockname()[1]}"
        server = _Announcing(config, on_ready, url)
        with suppress(KeyboardInterrupt):  # it has stopped in order by then
            server.run([listener])
        if not server.started:
            raise MeshError("The service did not start; its log says why.")


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], object] | None, url: str) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_ready:
            self._on_ready(self._url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise MeshError(f"{host}:{port} cannot be used: {why}. Stop what uses it, or choose another: --port {port + 1}") from error
