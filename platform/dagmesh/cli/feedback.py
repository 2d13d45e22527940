"""`dagmesh feedback`: what readers say of products, and what the owners answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table

if TYPE_CHECKING:
    from dagmesh.consume.identity.principal import Principal
    from dagmesh.consume.usage.feedback import Kind

as_option = click.option("--as", "reader", default="analyst", show_default=True, help="The domain in whose name to speak.")


@click.group(epilog=example("dagmesh feedback list orders.orders", 'dagmesh feedback give orders.orders --stars 4 --text "Clear."'))
def feedback() -> None:
    """Rate a product, comment on it or report a wrong row; the owner answers."""


@feedback.command(
    name="list", epilog=example("dagmesh feedback list orders.orders --as orders", "dagmesh feedback list orders.orders --json")
)
@click.argument("product")
@as_option
@json_option
def list_feedback(product: str, reader: str, as_json: bool) -> None:
    """List what was said of a product, newest first; who said it and which row, its owner sees."""
    from dagmesh.consume.connection import resolver_of
    from dagmesh.consume.usage.feedback import FeedbackLog
    from dagmesh.model.mesh import Mesh

    mesh, principal = Mesh.find(), _principal(reader)
    address = resolver_of(mesh, reader).look(product).address
    found = [given.seen_by(principal) for given in FeedbackLog(mesh.home).about(address)]
    if as_json:
        print_json([given.describe() for given in found])
        return
    if not found:
        click.echo(f"nobody said anything of {address.name}@{address.major} yet.")
        return
    columns = ["id", "given", "snapshot", "by", "kind", "says", "state", "answer"]
    rows = [
        [
            given.id,
            f"{given.at:%Y-%m-%d %H:%M}",
            str(given.address),
            given.author,
            given.said.kind,
            _says(given.describe()),
            "open" if given.is_open else "answered" if given.answers else "",
            given.answers[-1].text if given.answers else None,
        ]
        for given in found
    ]
    print_table(columns, rows)


@feedback.command(
    epilog=example(
        'dagmesh feedback give orders.orders --as marketing --stars 5 --text "Clear and on time."',
        'dagmesh feedback give orders.orders --text "Are gift cards in it?"',
        'dagmesh feedback give orders.orders --row order_id=o0000310196 --text "Paid twice."',
    )
)
@click.argument("product")
@click.option("--stars", type=int, help="A rating, 1 to 5.")
@click.option("--row", multiple=True, metavar="COLUMN=VALUE", help="The key of a row that is wrong; once for each key column.")
@click.option("--text", default="", help="What there is to say.")
@as_option
def give(product: str, stars: int | None, row: tuple[str, ...], text: str, reader: str) -> None:
    """Rate a product (--stars), report a wrong row (--row), or comment on it (--text alone)."""
    from dagmesh.consume.connection import resolver_of
    from dagmesh.consume.read_log import Asking
    from dagmesh.consume.usage.feedback import FeedbackLog, Said
    from dagmesh.model.mesh import Mesh

    mesh, principal = Mesh.find(), _principal(reader)
    pairs = {name: value for name, _, value in (word.partition("=") for word in row)}
    kind: Kind = "rating" if stars is not None else "wrong_row" if pairs else "comment"
    if stars is not None and pairs:
        raise click.UsageError("--stars and --row are two things to say; say one after the other.")
    resolver = resolver_of(mesh, reader, asking=Asking(principal.name, "cli"))
    given = FeedbackLog(mesh.home).give(principal, resolver, product, Said(kind, stars, text, pairs or None))
    click.echo(f"{given.id}: {_says(given.describe())}, said of {given.address} as {given.author}.")


@feedback.command(epilog=example('dagmesh feedback answer 01a1ffebf0337861917fae5fc3cfc9d4 --as orders "It is mended since snapshot 3."'))
@click.argument("feedback_id")
@click.argument("text")
@click.option("--as", "reader", required=True, help="The domain that owns the product.")
def answer(feedback_id: str, text: str, reader: str) -> None:
    """Answer what a reader said of a product, as its owner."""
    from dagmesh.consume.usage.feedback import FeedbackLog
    from dagmesh.model.mesh import Mesh

    answered = FeedbackLog(Mesh.find().home).answer(_principal(reader), feedback_id, text)
    click.echo(f"{answered.id}: answered as {answered.answers[-1].author}.")


def _principal(reader: str) -> Principal:
    """Who sits at this machine: at the command line, as with grants, the owner is who says so."""
    from dagmesh.consume.identity.principal import local

    return replace(local(reader), roles=frozenset({"owner"}))


def _says(said: dict[str, object]) -> str:
    """What is said, in a line; no text with characters that do not show is ever kept."""
    key = said["key"] if isinstance(said["key"], dict) else {}
    words = [
        f"{said['stars']} stars" if said["stars"] else "",
        " ".join(f"{name}={value}" for name, value in key.items()),
        str(said["text"]),
    ]
    return "; ".join(word for word in words if word).replace("\n", " ")
