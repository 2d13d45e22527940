"""`dagmesh grant`: ask for, give, take back and list what consumers may see beyond `serves`; each grant is a file to commit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.build import Day
from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table
from dagmesh.cli.written_grants import everything, grant_named, product_of, products_of, write
from dagmesh.errors import AddressError, DefinitionError, MeshError, PolicyViolated, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagmesh.consume.grants import Found
    from dagmesh.model.domain import Product
    from dagmesh.model.grant import Grant
    from dagmesh.model.mesh import Mesh

DEFAULT_TERM = timedelta(days=365)
COLUMNS = ["grant", "majors", "opens", "rows", "purpose", "expires", "state", "why"]


@click.group(
    epilog=example(
        'dagmesh grant request orders.payments@1 --as marketing --purpose "..."',
        "dagmesh grant approve marketing.payments --by team:orders",
    )
)
def grant() -> None:
    """Ask for, give, take back and list what consumers may see beyond `serves`."""


@grant.command(
    epilog=example(
        'dagmesh grant request orders.payments@1 --as marketing --columns email --purpose "..." --until 2027-06-30',
        'dagmesh grant request orders.payments@1 --as tax --classes internal,pii --mask iban=hash --rows "is_open" --purpose "..."',
    )
)
@click.argument("address")
@click.option("--as", "consumer", required=True, help="The domain that asks.")
@click.option("--columns", default="", help="The columns asked for, joined by commas.")
@click.option("--classes", default="", help="The classifications asked for, joined by commas; by default every one that is not restricted.")
@click.option("--mask", "masks", multiple=True, help="<column>=none|partial|hash|null: how a column is seen; may be given several times.")
@click.option("--rows", help="A condition over the product's columns: only these rows.")
@click.option("--purpose", required=True, help="What it is for.")
@click.option("--until", type=Day(), help="The last day it stands; a year from today by default.")
def request(address: str, consumer: str, masks: Sequence[str], purpose: str, until: date | None, **asked: Any) -> None:
    """Write a request into the producer's folder: a grant that opens nothing until its owner approves it."""
    from dagmesh.model.address import Address
    from dagmesh.model.grant import Grant, Majors
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    _check_consumer(mesh, consumer)
    product = product_of(mesh, Address.parse(address))
    columns, classes = _listed(asked["columns"]), _listed(asked["classes"])
    wanted = Grant(
        producer=product.domain,
        consumer=consumer,
        product=product.name,
        majors=Majors((product.major,)),
        purpose=purpose,
        expires=until or datetime.now(UTC).date() + DEFAULT_TERM,
        status="requested",
        columns=columns,
        classes=classes or (() if columns else _unrestricted(product, consumer)),
        mask=_masks(masks),
        rows=asked["rows"],
    )
    _check_free(mesh, wanted)
    write(mesh, wanted, [product])
    click.echo(f"{wanted.file}: {consumer} asks to see {_opens(wanted)} of {product.address} until {wanted.expires}.")
    click.echo(f"Commit it and ask {product.owner}: dagmesh grant approve {wanted.name} --by {product.owner}", err=True)


@grant.command(epilog=example("dagmesh grant approve marketing.payments --by team:orders"))
@click.argument("name", metavar="CONSUMER.PRODUCT")
@click.option("--by", "approver", required=True, help="The product's owner.")
@click.option("--domain", help="The producer, where several have a product of the name.")
def approve(name: str, approver: str, domain: str | None) -> None:
    """Approve a request, or again what was revoked; only the product's owner can."""
    from dataclasses import replace

    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    asked = grant_named(mesh, name, domain)
    products = products_of(mesh, Address(asked.producer, asked.product))
    owners = sorted({product.owner for product in products if product.major in asked.majors})
    if owners != [approver]:
        owner = one_of(owners) if owners else "nobody"
        message = f"{asked.file}: {approver} may not approve it; {asked.producer}.{asked.product} is owned by {owner}."
        raise PolicyViolated(message, policies=["grant_approver"])
    write(mesh, replace(asked, status="approved", approver=approver), products)
    click.echo(f"{asked.file}: {asked.consumer} sees {_opens(asked)} of {asked.producer}.{asked.product} until {asked.expires}. Commit it.")


@grant.command(epilog=example("dagmesh grant revoke marketing.payments"))
@click.argument("name", metavar="CONSUMER.PRODUCT")
@click.option("--domain", help="The producer, where several have a product of the name.")
def revoke(name: str, domain: str | None) -> None:
    """Take a grant back: from the next read on it opens nothing."""
    from dataclasses import replace

    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    taken = grant_named(mesh, name, domain)
    write(mesh, replace(taken, status="revoked"), [])
    click.echo(f"{taken.file}: revoked; it opens nothing from the next read on. Commit it.")


@grant.command(name="list", epilog=example("dagmesh grant list", "dagmesh grant list --domain customers --json"))
@click.option("--domain", help="Only the grants of this producer.")
@json_option
def list_grants(domain: str | None, as_json: bool) -> None:
    """List every grant: what it opens, for what, until when, whether it holds and why not."""
    from dagmesh.consume.grants import Grants
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    grants = Grants.of(mesh)
    entries = [_entry(mesh, found) for found in everything(grants, domain)]
    if as_json:
        print_json(entries)
    else:
        print_table(COLUMNS, [[entry.get(column) for column in COLUMNS] for entry in entries])


def _entry(mesh: Mesh, found: Found) -> dict[str, Any]:
    """One grant file as JSON values."""
    if found.grant is None:
        return {"grant": found.file, "state": "void", "why": " ".join(str(problem) for problem in found.problems)}
    state, why = _state(mesh, found, found.grant)
    described = found.grant.describe()
    return {
        "grant": f"{found.grant.consumer} on {found.grant.producer}.{found.grant.product}",
        **described,
        "opens": _opens(found.grant),
        "file": found.file,
        "state": state,
        "why": why,
    }


def _state(mesh: Mesh, found: Found, grant: Grant) -> tuple[str, str]:
    from dagmesh.model.address import Address

    try:
        products = products_of(mesh, Address(grant.producer, grant.product))
    except (AddressError, DefinitionError, MeshError) as error:
        return "void", str(error)
    today = datetime.now(UTC).date()
    judged = [found.standing(product.describe(), today) for product in products if product.major in grant.majors]
    return next((verdict for verdict in judged if verdict[0] == "void"), judged[-1]) if judged else ("void", "no product of its majors")


def _opens(grant: Grant) -> str:
    """What a grant opens, in words."""
    named = [f"{name} ({grant.mask[name]})" if name in grant.mask else name for name in grant.columns]
    return ", ".join([*named, *(f"every {name} column" for name in grant.classes)])


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _masks(words: Sequence[str]) -> Mapping[str, Any]:
    pairs = [word.partition("=") for word in words]
    wrong = next((word for word, (_, sign, _) in zip(words, pairs, strict=True) if not sign), None)
    if wrong is not None:
        raise click.UsageError(f"--mask '{wrong}' names no mask; write <column>=hash.")
    return {column: mask for column, _, mask in pairs}


def _unrestricted(product: Product, consumer: str) -> tuple[str, ...]:
    """The classes of the product's columns that are not restricted: what is asked for by who names nothing."""
    if consumer in product.serves:
        restricted = [column.name for column in product.contract.columns if column.restricted]
        more = f"Name those you need: --columns {','.join(restricted)}" if restricted else "It has no others."
        raise click.UsageError(f"{product.address} serves {consumer}, which reads every column that is not restricted. {more}")
    classes = dict.fromkeys(column.classification for column in product.contract.columns if not column.restricted)
    if not classes:
        columns = ",".join(column.name for column in product.contract.columns)
        raise click.UsageError(f"every column of {product.address} is restricted. Name those you need: --columns {columns}")
    return tuple(classes)


def _check_consumer(mesh: Mesh, consumer: str) -> None:
    from dagmesh.consume.identity.principal import ANALYST

    if consumer != ANALYST:
        mesh.location(consumer)


def _check_free(mesh: Mesh, wanted: Grant) -> None:
    """Nothing, unless a grant holds that the request would take away."""
    from dagmesh.consume.grants import Grants

    found = Grants.of(mesh).held(wanted.consumer, wanted.producer, wanted.product)
    today = datetime.now(UTC).date()
    if found and found.grant and found.grant.status == "approved" and today <= found.grant.expires:
        raise click.UsageError(
            f"{wanted.file} is approved until {found.grant.expires} and opens {_opens(found.grant)}. "
            f"Change the file, or take it back first: dagmesh grant revoke {wanted.name}"
        )
