"""`dagmesh usage` and `dagmesh bill`: who reads what, and what it costs, straight from the log of reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table


@click.command(epilog=example("dagmesh usage orders.orders", "dagmesh usage --days 7 --json"))
@click.argument("product", required=False)
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="The last so many days.")
@json_option
def usage(product: str | None, days: int, as_json: bool) -> None:
    """Show who read a product, or each product, lately: reads, rows, bytes, who asked, when last."""
    from dagmesh.consume.usage.use import use_of
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    mesh, address = Mesh.find(), Address.parse(product) if product else None
    found = use_of(mesh.home, address, datetime.now(UTC) - timedelta(days=days))
    if as_json:
        print_json([vars(use) for use in found])
        return
    if not found:
        click.echo(f"nobody read {product or 'anything'} in the last {days} days.")
        return
    columns = ["product", "consumer", "reads", "refused", "rows", "bytes", "who asked", "last read"]
    rows = [
        [
            use.product if use.major is None else f"{use.product}@{use.major}",
            use.consumer,
            use.reads,
            use.refused,
            use.rows,
            use.size_bytes,
            use.principals,
            f"{use.last_read:%Y-%m-%d %H:%M:%S}" if use.last_read else "never",
        ]
        for use in found
    ]
    print_table(columns, rows)


@click.command(epilog=example("dagmesh bill", "dagmesh bill --month 2026-11 --of finance --json"))
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="The month, 2026-11; this one by default.")
@click.option("--of", "domain", help="Only what this domain owes or is owed.")
@json_option
def bill(month: datetime | None, domain: str | None, as_json: bool) -> None:
    """Show what each consumer owes for the reads of a month, by the prices in the contracts."""
    from dagmesh.consume.usage.use import bill_of
    from dagmesh.model.mesh import Mesh

    mesh, first = Mesh.find(), (month or datetime.now(UTC)).date().replace(day=1)
    if domain is not None and domain != "analyst":
        mesh.location(domain)
    found = bill_of(mesh.home, first, domain)
    if as_json:
        print_json([vars(line) for line in found])
        return
    if not found:
        click.echo(f"nobody owes anything for {first:%Y-%m}.")
        return
    columns = ["consumer", "product", "charged per", "reads", "rows", "amount", "currency"]
    rows = [[at.consumer, f"{at.product}@{at.major}", at.per, at.reads, at.rows, f"{at.amount:f}", at.currency] for at in found]
    print_table(columns, rows)
