"""`dagmesh up`: the Dagster UI, the daemon and every code location, from one preloaded parent."""

from __future__ import annotations

from pathlib import Path

import click

from dagmesh.cli.options import example

_PEM = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=example("dagmesh up", "dagmesh up --port 3100", "dagmesh up --host 0.0.0.0 --tls-cert mesh.crt --tls-key mesh.key"))
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI that can write; it is on loopback only.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the read-only UI, which asks who you are.")
@click.option("--analysts-port", type=int, help="Port of the read-only UI; one above --port by default.")
@click.option("--tls-cert", type=_PEM, help="Certificate of the read-only UI; it must have one to leave this machine.")
@click.option("--tls-key", type=_PEM, help="The certificate's key.")
def up(port: int, host: str, analysts_port: int | None, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Serve the Dagster UI and run the schedules until Ctrl-C."""
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.readiness import Running
    from dagmesh.orchestrate.servers import ForAnalysts
    from dagmesh.orchestrate.up import up as serve

    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key are the two halves of one thing; give both.")
    mesh = Mesh.find()
    analysts = ForAnalysts(analysts_port or port + 1, host, tls_cert, tls_key)

    def tell(running: Running) -> None:
        click.echo(f"Dagster UI: {running}   (Ctrl-C stops)")
        click.echo(f"Read-only, with a token: {analysts.url}   (dagmesh token create <name> --as <domain>)")

    raise SystemExit(serve(mesh.root, mesh.home, port=port, analysts=analysts, on_ready=tell))
