"""`dagmesh serve`: products over HTTP, for people, programs and agents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from dagmesh.cli.options import example

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog=example(
        "dagmesh serve",
        "dagmesh serve --workers 4 --memory 2048 --seconds 120",
        "dagmesh serve --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; any but loopback needs TLS.")
@click.option("--port", default=3080, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--tls-cert", type=_FILE, help="The certificate and its chain, PEM.")
@click.option("--tls-key", type=_FILE, help="The certificate's private key, PEM.")
@click.option("--workers", type=click.IntRange(min=1), help="Statements that run at the same time; as many as cores by default.")
@click.option("--memory", type=click.IntRange(min=256), default=1024, show_default=True, help="MiB of memory a statement may take.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=60, show_default=True, help="How long a statement may work.")
def serve(host: str, port: int, tls_cert: Path | None, tls_key: Path | None, workers: int | None, memory: int, seconds: float) -> None:
    """Serve products over HTTP until Ctrl-C: queries, downloads, contracts."""
    from starlette.middleware import Middleware

    from dagmesh.consume.identity.gate import Gate
    from dagmesh.consume.identity.middleware import Identity
    from dagmesh.consume.service.app import application
    from dagmesh.consume.service.limits import Limits
    from dagmesh.consume.service.serving import serve as run
    from dagmesh.model.mesh import Mesh

    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    mesh = Mesh.find()
    limits = Limits(memory_mb=memory, seconds=seconds)
    if workers:
        limits = replace(limits, workers=workers)
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    run(
        application(mesh, middleware=[Middleware(Identity, gate=Gate(mesh))], limits=limits),
        host=host,
        port=port,
        tls=tls,
        on_ready=lambda url: click.echo(f"dagmesh: {url}   (Ctrl-C stops)"),
    )
