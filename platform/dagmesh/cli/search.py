"""`dagmesh search`: the products that words ask for, the best first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table


@click.command(
    epilog=example(
        'dagmesh search "conversion last campaign"', "dagmesh search revenue domain:orders", "dagmesh search class:pii column:email --json"
    )
)
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="Print at most so many products.")
@json_option
def search(words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find products by words, over names, descriptions, columns, owners, tags and units.

    Filters narrow what is found: domain:orders, owner:team:orders, class:pii (a column of the class), column:email (a column whose name
    has the text).
    """
    from dagmesh.consume.search import search as found_by
    from dagmesh.consume.search_index import SearchIndex
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh

    with SearchIndex(Lake.of(Mesh.find())).fresh() as con:
        found = found_by(con, " ".join(words), limit)
    for note in found.notes:
        click.echo(note, err=True)
    if as_json:
        print_json(found.products)
        return
    columns = ["address", "owner", "through", "columns that fit", "description"]
    print_table(columns, [_row(product) for product in found.products])


def _row(product: Mapping[str, Any]) -> list[Any]:
    said = product["refused"] or product["description"]
    return [product["address"], product["owner"], product.get("through"), product["matching"], said]
