"""The grants a mesh has as files, and the products they are on, for `dagmesh grant`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagmesh.errors import AddressError, DefinitionError, MeshError, nearest, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagmesh.consume.grants import Found, Grants
    from dagmesh.model.address import Address
    from dagmesh.model.domain import Product
    from dagmesh.model.grant import Grant
    from dagmesh.model.mesh import Mesh


def products_of(mesh: Mesh, address: Address) -> list[Product]:
    """Every major of a product, as its domain's code declares it now.

    Raises:
        AddressError: there is none. MeshError, DefinitionError: the domain does not load.
    """
    declared = mesh.location(address.domain).load().products
    found = [product for product in declared if product.name == address.product]
    if not found:
        names = sorted({product.name for product in declared})
        known = f"{nearest(address.product, names)} See what is: dagmesh list"
        raise AddressError(f"no product '{address.product}' in {address.domain}.{known}")
    return found


def product_of(mesh: Mesh, address: Address) -> Product:
    """The product of the address, its newest major when it names none."""
    found = products_of(mesh, address)
    chosen = [product for product in found if address.major in (None, product.major)]
    if not chosen:
        majors = one_of(sorted(str(product.major) for product in found))
        raise AddressError(f"{address} is not declared; {address.name} has major {majors}.")
    return max(chosen, key=lambda product: product.major)


def grant_named(mesh: Mesh, name: str, domain: str | None) -> Grant:
    """The one grant of the name."""
    from dagmesh.consume.grants import Grants

    every = list(everything(Grants.of(mesh), domain))
    named = [found for found in every if found.file.endswith(f"/{name}.yaml")]
    if not named:
        names = [found.grant.name for found in every if found.grant]
        raise MeshError(f"no grant '{name}'.{nearest(name, names)} See them: dagmesh grant list")
    if len(named) > 1:
        raise click.UsageError(f"{one_of(found.file for found in named)}: say which with --domain.")
    if named[0].grant is None:
        raise DefinitionError(named[0].problems)
    return named[0].grant


def everything(grants: Grants, domain: str | None) -> Iterator[Found]:
    """Every grant file of the producers, or of one."""
    for producer in grants.producers():
        if domain in (None, producer):
            yield from grants.of_producer(producer)
