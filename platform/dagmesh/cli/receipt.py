"""`dagmesh receipt`: whether an answer's receipt is true, by asking its question again."""

from __future__ import annotations

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json


@click.group(epilog=example("dagmesh receipt verify answer.json"))
def receipt() -> None:
    """Verify the receipt of an answer that an agent was given."""


@receipt.command(epilog=example("dagmesh receipt verify answer.json"))
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@json_option
def verify(file: str, as_json: bool) -> None:
    """Ask a receipt's question again of the same snapshots, and compare the rows. FILE is the receipt, or the whole answer; - reads it."""
    from dagmesh.consume.agents.verification import verified
    from dagmesh.model.mesh import Mesh

    with click.open_file(file, encoding="utf-8") as given:
        found = verified(Mesh.find(), given.read())
    if as_json:
        print_json(found.describe())
    else:
        click.echo("\n".join(found.lines()))
