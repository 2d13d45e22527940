"""`dagmesh forget`: a subject's personal values erased for ever, from the events and from what was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from dagmesh.cli.events import found_mesh, in_words, verified
from dagmesh.cli.options import example
from dagmesh.cli.output import progress_console
from dagmesh.consume.own_events import opened_store, owned_events
from dagmesh.errors import MeshError

if TYPE_CHECKING:
    from pathlib import Path

    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.erasure import Remade

NOT_ALL = 6


@click.command(epilog=example('dagmesh forget customers customers/c-4711 --reason "erasure asked for on 2026-11-19"'))
@click.argument("domain")
@click.argument("subject")
@click.option("--reason", required=True, help="Why; it is in the certificate, so name nobody.")
@click.pass_context
def forget(ctx: click.Context, domain: str, subject: str, reason: str) -> None:
    """Erase a subject's personal values for ever, make what was made of them again, and write a signed certificate."""
    from dagmesh.orchestrate.own_python import has_own_python, said_there

    mesh = found_mesh()
    owned_events(mesh, domain)
    location = mesh.location(domain)
    if has_own_python(location):
        done = said_there(mesh, location, ["forget", domain, subject, "--reason", reason])
        click.echo(done.stdout, nl=False)
        click.echo(done.stderr, nl=False, err=True)
        ctx.exit(done.returncode)
    ctx.exit(_forget(mesh, domain, subject, reason))


def _forget(mesh: Mesh, domain: str, subject: str, reason: str) -> int:
    """The exit code."""
    from dagmesh.orchestrate.erasure import affected_products, remake, remove_made
    from dagmesh.orchestrate.loading import dagster_domain

    now = datetime.now(UTC)
    affected = affected_products(dagster_domain(mesh.location(domain)))
    deleted = _delete_key(mesh, domain, subject, now)
    removed = remove_made(mesh, domain, affected)
    remade = [*remake(mesh, affected, progress_console().print)]
    path = _certify(mesh, domain, subject, reason, now, deleted, removed, remade)
    click.echo(f"{domain}: the certificate is {path}.")
    _tell(mesh, domain, remade)
    return NOT_ALL if any(product.messages for product in remade) else 0


def _delete_key(mesh: Mesh, domain: str, subject: str, now: datetime) -> bool:
    with opened_store(mesh, domain) as store:
        if not any(store.read(subject)):
            raise MeshError(f"{domain} has no event of subject '{subject}'. See its subjects: dagmesh events list {domain}")
        deleted = store.forget(subject, now)
    said = "their key is deleted" if deleted else "there was no key: it was deleted before, or nothing of theirs is personal"
    click.echo(f"{domain}: the personal values of {subject} cannot be read any more; {said}.")
    return deleted


def _certify(
    mesh: Mesh, domain: str, subject: str, reason: str, now: datetime, deleted: bool, removed: Sequence[Path], remade: Sequence[Remade]
) -> Path:
    from getpass import getuser

    from dagmesh.events.certificate import Erasure, write_certificate
    from dagmesh.lake.lake import Lake
    from dagmesh.lake.owner_only import private_home

    home = private_home(mesh.home, domain)
    with opened_store(mesh, domain) as store:
        found = verified(mesh, domain, store)
        click.echo(in_words(domain, found))
        paths, products = [str(path.relative_to(home)) for path in removed], [product.describe() for product in remade]
        erasure = Erasure(domain, subject, now, reason, getuser(), deleted, found.head, paths, products)
        return write_certificate(home / "certificates", store, erasure, Lake.of(mesh).signing_key(domain))


def _tell(mesh: Mesh, domain: str, remade: Sequence[Remade]) -> None:
    """What became of the products, and where the values may still be."""
    for product in remade:
        if product.snapshot:
            click.echo(f"{product.address} was made again without them: {product.snapshot}.")
        elif product.messages:
            said = " ".join(product.messages)
            click.echo(f"{product.address} could not be made again, and its newest snapshot may hold them: {said}", err=True)
        if product.older:
            numbers = ", ".join(f"#{number}" for number in product.older)
            click.echo(
                f"{product.address}: snapshots {numbers} may still hold them. They are kept for {product.kept}, as promised; a shorter "
                f"retention in its promise lets them go: dagmesh expire {product.address}",
                err=True,
            )
    letters = mesh.home / "home" / domain / "dead_letters"
    if letters.exists() and any(letters.iterdir()):
        click.echo(f"{letters} holds what could not be read as sent; look for them there, and delete what is done.", err=True)
    if any(product.snapshot for product in remade):
        click.echo(
            "Products of other domains are made again by their next dagmesh build, of daily ones the days by dagmesh backfill.",
            err=True,
        )
