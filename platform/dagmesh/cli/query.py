"""`dagmesh query`: one SELECT over products, named by address."""

from __future__ import annotations

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table


@click.command(
    epilog=example(
        'dagmesh query "select category, sum(spend_90d_eur) from orders.purchase_patterns group by 1"',
        "dagmesh query 'select count(*) from \"orders.purchase_patterns@1#2\"'",
        'dagmesh query --as marketing --purpose "which campaign sold" --limit 5 "select * from orders.orders"',
    )
)
@click.argument("statement")
@click.option("--as", "reader", default="analyst", show_default=True, help="The domain in whose name to read.")
@click.option("--purpose", help="What it is read for; it is recorded with the read.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Print at most so many rows.")
@json_option
def query(statement: str, reader: str, purpose: str | None, limit: int, as_json: bool) -> None:
    """Run one SELECT over products, addressed as orders.orders or "orders.orders@1"."""
    from dagmesh.consume.connection import resolver_of
    from dagmesh.consume.identity.principal import local
    from dagmesh.consume.query import duckdb_errors_refused, run_query
    from dagmesh.consume.read_log import Asking, ReadLog
    from dagmesh.consume.usage.ending import ended
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    asking = Asking(local(reader).name, "cli").again(statement)
    resolver = resolver_of(mesh, reader, purpose, asking)
    with ended(ReadLog(mesh.home), asking.query) as handed_out:
        result, readings = run_query(resolver.lake.connect(), resolver, statement)
        with duckdb_errors_refused():
            rows = result.limit(limit + 1).fetchall()
        handed_out.rows = len(rows[:limit])
    if as_json:
        print_json([dict(zip(result.columns, row, strict=True)) for row in rows[:limit]])
    else:
        print_table(result.columns, rows[:limit])
    if len(rows) > limit:
        click.echo(f"only the first {limit} rows; --limit prints more.", err=True)
    for reading in readings:
        masked = [f"{name} ({mask})" for name, mask in reading.access.masks.items() if name in statement or "*" in statement]
        if masked:
            click.echo(f"{reading.address}: masked for {reader}: {', '.join(masked)}.", err=True)
