"""`dagmesh board`: every product on one page, and what is late, refused or failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table

if TYPE_CHECKING:
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh

COLUMNS = ["product", "owner", "version", "snapshot", "rows", "checks", "promise", "seconds"]


@click.command(epilog=example("dagmesh board", "dagmesh board --json"))
@json_option
def board(as_json: bool) -> None:
    """Show every product: owner, version, snapshot, rows, checks, promise kept or not, seconds."""
    from dagmesh.consume.listing import listing
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    if as_json:
        print_json(listing(mesh, Lake.of(mesh)).entries)
    else:
        print_board(mesh, Lake.of(mesh))


def print_board(mesh: Mesh, lake: Lake) -> None:
    """Print the board, then each broken promise and refused snapshot in a sentence; the lake is the mesh's, with what it remembers."""
    from dagmesh.consume.listing import listing

    found = listing(mesh, lake)
    entries = found.entries
    print_table(COLUMNS, [_row(entry) for entry in entries])
    for entry in entries:
        if "refused" in entry:
            click.echo(entry["refused"])
        elif entry["snapshot"] is not None and not entry["promise_kept"]:
            click.echo(f"{entry['address']} breaks its promise: {entry['promise']}. Owner: {entry['owner']}.")
        for trouble in entry["troubles"]:
            click.echo(f"{trouble} Owner: {entry['owner']}.")
    for error in found.broken.values():
        click.echo(str(error))


def _row(entry: dict[str, Any]) -> list[Any]:
    if "refused" in entry:
        return [entry["address"], entry["owner"], None, "refused", None, None, "not kept", None]
    if entry["snapshot"] is None:
        return [entry["address"], entry["owner"], entry["version"], "none", None, None, "not kept", None]
    checks = f"{entry['checks_passed']}/{entry['checks']}"
    promise = "kept" if entry["promise_kept"] else "not kept"
    rows = f"{entry['rows']:,}"
    return [entry["address"], entry["owner"], entry["version"], entry["snapshot"], rows, checks, promise, entry["seconds"]]
