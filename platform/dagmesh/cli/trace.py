"""`dagmesh trace`: a published value calculated again before one's eyes, event by event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table
from dagmesh.errors import AddressError

if TYPE_CHECKING:
    from dagmesh.consume.resolver import Resolver
    from dagmesh.consume.trace import Traced
    from dagmesh.model.address import Address


@click.command(
    epilog=example(
        "dagmesh trace orders.purchase_patterns customer_id=c000019 category=sports spend_90d_eur",
        "dagmesh trace orders.orders order_id=o0000897918 is_cancelled --valid-at 2026-11-12",
        "dagmesh trace finance.daily_revenue order_date=2026-11-12 gross_eur --as orders --html trace.html",
    )
)
@click.argument("product")
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE... COLUMN")
@click.option("--as-of", type=click.IntRange(min=0), metavar="SNAPSHOT", help="The snapshot that has the value; the newest by default.")
@click.option("--known-at", metavar="MOMENT", help="The snapshot that was the newest at a moment: what was known then.")
@click.option("--valid-at", metavar="MOMENT", help="Only what had happened at a moment, all of it that is known.")
@click.option("--as", "reader", help="The domain in whose name to trace; the product's own by default.")
@json_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page with a chart of the steps too.")
def trace(
    product: str,
    words: tuple[str, ...],
    as_of: int | None,
    known_at: str | None,
    valid_at: str | None,
    reader: str | None,
    as_json: bool,
    html: Path | None,
) -> None:
    """Show how a published value came to be: its events step by step, or the snapshots that it was made of.

    KEY=VALUE names the row, COLUMN the value. A MOMENT is 2026-11-19 (its end) or 2026-11-19T12:00, in UTC.
    """
    from dagmesh.cli.trace_page import page
    from dagmesh.cli.trace_words import described, lines, table
    from dagmesh.consume.connection import resolver_of
    from dagmesh.consume.identity.principal import local
    from dagmesh.consume.read_log import Asking, ReadLog
    from dagmesh.consume.trace import Tracer
    from dagmesh.consume.usage.ending import ended
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    mesh, address = Mesh.find(), Address.parse(product)
    key, column = _asked(product, words)
    reader = reader or address.domain
    asking = Asking(local(reader).name, "cli")
    resolver = resolver_of(mesh, reader, f"trace of {column}", asking)
    address = _at(resolver, address, as_of, known_at)
    with ended(ReadLog(mesh.home), asking.query), closing(resolver.lake.connect()) as con:
        tracer = Tracer(mesh, resolver, con)
        found = tracer.valid(address, key, column, _moment(valid_at)) if valid_at else tracer.value(address, key, column)
    if html:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        print_json(described(found))
    else:
        _print(found, lines(found), table(found), print_table_of=column)


def _print(found: Traced, said: Iterable[str], steps: Sequence[Sequence[object]], *, print_table_of: str) -> None:
    first, *rest = said
    click.echo(first)
    if found.trace:
        click.echo()
        print_table(["event", "when", "type", "subject", "contribution", print_table_of], steps)
        click.echo()
    click.echo("\n".join(rest))


def _asked(product: str, words: Sequence[str]) -> tuple[dict[str, str], str]:
    """The key and the column of the command line's words."""
    columns = [word for word in words if "=" not in word]
    if len(columns) != 1:
        got = f"names {len(columns)} columns ({', '.join(columns)})" if columns else "names no column"
        raise AddressError(f"{product}: {' '.join(words)} {got}; write one, and the row as column=value: dagmesh show {product}")
    return dict(word.split("=", 1) for word in words if "=" in word), columns[0]


def _at(resolver: Resolver, address: Address, as_of: int | None, known_at: str | None) -> Address:
    """The address with the snapshot that is asked for, if one is."""
    said = [name for name, given in (("#", address.snapshot), ("--as-of", as_of), ("--known-at", known_at)) if given is not None]
    if len(said) > 1:
        raise AddressError(f"{address}: {' and '.join(said)} both choose a snapshot; keep one.")
    address = resolver.completed(address)
    if known_at is not None:
        return address.at_snapshot(resolver.lake.table(address).as_of(_moment(known_at)).version)
    return address if as_of is None else address.at_snapshot(as_of)


def _moment(text: str) -> datetime:
    """A moment in UTC; of a day its end."""
    try:
        if len(text) == len("2026-11-19"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC) - datetime.resolution
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise AddressError(f"'{text}' is no moment; write 2026-11-19, 2026-11-19T12:00 or 2026-11-19T12:00+01:00.") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
