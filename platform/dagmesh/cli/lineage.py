"""`dagmesh lineage`: what a product's columns are made of, across products, as their signed publications say it."""

from __future__ import annotations

import re

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json

_PLACE = re.compile(r"(?P<address>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*(@\d+)?)(\.(?P<column>\w+))?\Z")


@click.command(
    epilog=example("dagmesh lineage orders.purchase_patterns.spend_90d_eur", "dagmesh lineage orders.purchase_patterns@1 --json")
)
@click.argument("column")
@json_option
def lineage(column: str, as_json: bool) -> None:
    """Show what a column, or every column of a product, is made of, back through all products.

    COLUMN is <domain>.<product>.<column>; without the last part all columns are shown.
    """
    from dagmesh.consume.column_lineage import trees
    from dagmesh.consume.resolver import Resolver
    from dagmesh.errors import AddressError
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    match = _PLACE.match(column)
    if match is None:
        raise AddressError(
            f"'{column}' is no column; write <domain>.<product>.<column>, for example orders.purchase_patterns.spend_90d_eur, "
            "or <domain>.<product> for all columns."
        )
    lake = Lake.of(Mesh.find())
    address = Resolver(lake, "analyst").completed(Address.parse(match["address"]))
    found = trees(lake, address, match["column"])
    if as_json:
        print_json([made.describe() for made in found])
        return
    click.echo("\n".join(line for made in found for line in made.lines()))
