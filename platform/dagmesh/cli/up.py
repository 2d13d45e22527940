"""`dagmesh up`: the Dagster UI, the daemon and every code location, from one preloaded parent."""

from __future__ import annotations

import click

from dagmesh.cli.options import example


@click.command(epilog=example("dagmesh up", "dagmesh up --port 3001"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; the UI can write, keep it on loopback.")
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
def up(host: str, port: int) -> None:
    """Serve the Dagster UI and run the schedules until Ctrl-C."""
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.up import up as serve

    mesh = Mesh.find()
    raise SystemExit(
        serve(mesh.root, mesh.home, host=host, port=port, on_ready=lambda url: click.echo(f"Dagster UI: {url}   (Ctrl-C stops)"))
    )
