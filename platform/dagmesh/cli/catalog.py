"""`dagmesh catalog`: the catalogue as files."""

from __future__ import annotations

from pathlib import Path

import click

from dagmesh.cli.options import example


@click.group(epilog=example("dagmesh catalog build --out /mnt/share/catalogue"))
def catalog() -> None:
    """Write the catalogue as files that work from a file share."""


@catalog.command(epilog=example("dagmesh catalog build", "dagmesh catalog build --out /mnt/share/catalogue"))
@click.option("--out", type=click.Path(path_type=Path), help="The folder; .dagmesh/catalogue by default.")
def build(out: Path | None) -> None:
    """Write start page, search, domains and products as an analyst sees them, without rows.

    Nothing serves it: open index.html from any folder or web server. An earlier build in the folder is replaced.
    """
    from datetime import UTC, datetime

    from dagmesh.consume.pages.site import build_site
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    site = build_site(mesh, out or mesh.home / "catalogue", datetime.now(UTC))
    for why in site.left_out:
        click.echo(f"left out: {why}", err=True)
    click.echo(f"{site.products} products written; open {site.folder / 'index.html'}")
