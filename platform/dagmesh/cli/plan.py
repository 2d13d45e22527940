"""`dagmesh plan`: what is stale and why, a line each, without making anything."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from dagmesh.cli.build import Day, wanted_days
from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json


@click.command(epilog=example("dagmesh plan", "dagmesh plan --days 7 --json", "dagmesh plan --domain orders"))
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="How many days.")
@click.option("--to", "last", type=Day(), help="The last day; yesterday (UTC) by default.")
@click.option("--domain", "only", multiple=True, help="Only this domain; may be given several times.")
@json_option
def plan(days: int, last: date | None, only: tuple[str, ...], as_json: bool) -> None:
    """Say what `dagmesh build` would make now, and why, without making anything."""
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.unchanged import is_unchanged

    mesh, wanted = Mesh.find(), wanted_days(days, last)
    if not only and is_unchanged(mesh, Lake.of(mesh), wanted):
        _print({"stale": [], "waiting": [], "refused": [], "broken": []}, ["nothing is stale."], as_json)
        return
    from dagmesh.orchestrate.explained import explained

    found = explained(mesh, wanted, only)
    lines = [*map(str, found.stale), *found.waiting, *found.refused]
    _print(vars(found) | {"stale": [vars(one) for one in found.stale]}, lines or ["nothing is stale."], as_json)
    for words in found.broken:
        click.echo(words, err=True)
    if found.broken:
        raise SystemExit(2)


def _print(described: dict[str, Any], lines: list[str], as_json: bool) -> None:
    if as_json:
        print_json(described)
    else:
        click.echo("\n".join(lines))
