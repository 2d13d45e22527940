"""`dagmesh audit`: how a product's rows are audited, and what each of its rules costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table

if TYPE_CHECKING:
    from dagmesh.model.domain import Product
    from dagmesh.model.mesh import Location, Mesh


@click.group(epilog=example("dagmesh audit explain orders.orders"))
def audit() -> None:
    """Explain how a product's rows are audited, and what each rule costs."""


@audit.command(epilog=example("dagmesh audit explain orders.orders", "dagmesh audit explain orders.orders@1 --json"))
@click.argument("address")
@json_option
def explain(address: str, as_json: bool) -> None:
    """Show the way each rule is judged and its time, measured on the newest snapshot."""
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.own_python import has_own_python

    mesh, parsed = Mesh.find(), Address.parse(address)
    location = mesh.location(parsed.domain)
    found = _found_there(mesh, location, address) if has_own_python(location) else _found_here(mesh, location, address)
    if as_json:
        print_json(found)
        return
    rows = [[cost["rule"], cost["way"], f"{cost['milliseconds']:.1f} ms", cost["columns"]] for cost in found["costs"]]
    click.echo(f"{found['snapshot']}: {found['rows']} rows in {found['files']} file{'s' * (found['files'] != 1)}\n")
    print_table(["rule", "way", "alone", "columns"], rows)
    click.echo(f"\nthe plan: {found['planning']:.1f} ms; all rules together, with the plan: {found['together']:.1f} ms")


def _found_here(mesh: Mesh, location: Location, text: str) -> dict[str, Any]:
    """The explanation as JSON values, with the snapshot and how many files it has.

    Raises:
        AddressError: no such product in code. NotPublished: it has no snapshot. SchemaMismatch: the snapshot has other columns.
    """
    from dagmesh.audit.explain import explained
    from dagmesh.lake.lake import Lake

    lake, product = Lake.of(mesh), _in_code(location, text)
    snapshot = lake.table(product.address).snapshot()
    with lake.connect() as con:
        found = explained(con, snapshot.sql(), product, snapshot.parquet)
    return {"snapshot": str(snapshot.address), "files": len(snapshot.files), **found.describe()}


def _in_code(location: Location, text: str) -> Product:
    from dagmesh.errors import AddressError, nearest
    from dagmesh.model.address import Address

    address, products = Address.parse(text), location.load().products
    found = [product for product in products if product.name == address.product and address.major in (None, product.major)]
    if not found:
        close = nearest(address.name, [product.address.name for product in products])
        raise AddressError(f"{address} is no product in the code of this mesh.{close} See what is: dagmesh list")
    return max(found, key=lambda product: product.major)


def _found_there(mesh: Mesh, location: Location, text: str) -> dict[str, Any]:
    """The explanation by the domain's own interpreter."""
    import json

    from dagmesh.errors import MeshError
    from dagmesh.orchestrate.own_python import said_there

    done = said_there(mesh, location, ["audit", "explain", text, "--json"])
    if done.returncode:
        raise MeshError(f"domains/{location.name}: {location.executable} cannot explain it: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
