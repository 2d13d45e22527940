"""`dagmesh rollback`, `expire`, `verify`: what an operator does to snapshots."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example
from dagmesh.errors import UntrustedSnapshot

if TYPE_CHECKING:
    from dagmesh.lake.lake import Lake
    from dagmesh.lake.table import Table
    from dagmesh.model.address import Address


@click.command(epilog=example('dagmesh rollback orders.orders@1#3 --reason "export of 2026-11-12 was wrong"'))
@click.argument("address")
@click.option("--reason", required=True, help="Why; it is signed and shown in the history.")
def rollback(address: str, reason: str) -> None:
    """Publish an older snapshot again, signed, with a reason."""
    from dagmesh.lake.refusals import Refusals

    if not reason.strip():
        raise click.UsageError("--reason is empty; say why, it is signed and shown in the history.")
    lake, found = _found(address)
    if found.snapshot is None:
        raise click.UsageError(f"'{address}' names no snapshot; write {found}#<snapshot>. See them: dagmesh history {found}")
    table = lake.table(found)
    replaced = _made_of(table)
    snapshot = table.rollback(found.snapshot, reason, lake.signing_key(found.domain), datetime.now(UTC))
    # Else the next build or sensor would make again what was rolled back.
    Refusals.of(lake.home, found).note_rolled_back(replaced, table.fingerprints(), reason)
    click.echo(f"{snapshot.address} has the content of #{found.snapshot} again.")


@click.command(epilog=example("dagmesh expire", "dagmesh expire orders.orders"))
@click.argument("address", required=False)
def expire(address: str | None) -> None:
    """Remove days, snapshots and abandoned stages that no promise keeps."""
    from dagmesh.lake.housekeeping import clean_private_tables, expire_product

    now = datetime.now(UTC)
    lake, addresses = _chosen(address)
    for found in addresses:
        click.echo(expire_product(lake, found, now).words)
    for domain in sorted({found.domain for found in addresses}):
        files = clean_private_tables(lake, domain, now)
        click.echo(f"{domain}: {files} files removed that its private tables no longer have.")


@click.command(epilog=example("dagmesh verify", "dagmesh verify orders.orders@1#3"))
@click.argument("address", required=False)
def verify(address: str | None) -> None:
    """Hash every file of a product, or of all, and check the signatures."""
    lake, addresses = _chosen(address)
    for found in addresses:
        snapshot = lake.table(found).verify(found.snapshot)
        click.echo(f"{snapshot.address}: {len(snapshot.files)} files are what {snapshot.publication.key_id} signed.")


def _made_of(table: Table) -> dict[date | None, str]:
    """What each day of the newest snapshot was made of; nothing when it does not verify."""
    try:
        return table.fingerprints()
    except UntrustedSnapshot:
        return {}


def _chosen(address: str | None) -> tuple[Lake, list[Address]]:
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh

    if address is None:
        lake = Lake.of(Mesh.find())
        return lake, lake.addresses()
    lake, found = _found(address)
    return lake, [found]


def _found(text: str) -> tuple[Lake, Address]:
    from dagmesh.consume.resolver import Resolver
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    lake = Lake.of(Mesh.find())
    return lake, Resolver(lake, "analyst").completed(Address.parse(text))
