"""`dagmesh new`: writes a domain's folder and stanza, or a product and its test, and says what to type next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dagmesh.model.mesh import Mesh


@click.group(
    epilog=example("dagmesh new domain returns --owner team:returns", "dagmesh new product returns.refund_rates --serves finance,marketing")
)
def new() -> None:
    """Write a new domain or product that runs at once.

    Nothing that exists is overwritten.
    """


@new.command(epilog=example("dagmesh new domain returns --owner team:returns"))
@click.argument("name")
@click.option("--owner", metavar="OWNER", help="team:<name> or an e-mail address; team:<the domain's name> by default.")
def domain(name: str, owner: str | None) -> None:
    """Write a domain's folder and its entry in workspace.yaml.

    NAME is a plural or collective noun in snake_case; it becomes the folder, the package and the first half of every
    address.
    """
    from dagmesh.cli.scaffold import add_to_workspace, check_new_domain, domain_files, write
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    owner = owner or f"team:{name}"
    check_new_domain(mesh, name, owner)
    files = domain_files(mesh.root, name, owner)
    write(mesh.root, files)
    add_to_workspace(mesh.root / "workspace.yaml", name)
    _say_written(mesh, files)
    click.echo(f"added {name} to workspace.yaml")
    click.echo(f"Next: dagmesh new product {name}.<product>")


@new.command(epilog=example("dagmesh new product returns.refund_rates --serves finance,marketing"))
@click.argument("address", metavar="DOMAIN.PRODUCT")
@click.option("--serves", default="", metavar="DOMAINS", help="The domains that may read it, separated by commas.")
@click.option("--whole", is_flag=True, help="Each run replaces the whole product; a partition a day by default.")
def product(address: str, serves: str, whole: bool) -> None:
    """Write a product's file and its test.

    The product reads the domain's private table of sample records (written too when the domain has none), so that it
    runs at once; replace both by what is yours.
    """
    from dagmesh.cli.scaffold import check_new_product, product_files, write
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    consumers = [consumer.strip() for consumer in serves.split(",") if consumer.strip()]
    location, name = check_new_product(mesh, address, consumers)
    files = product_files(location, name, consumers, whole)
    write(mesh.root, files)
    _say_written(mesh, files)
    click.echo(f"Next: dagmesh run {location.name}.{name}" + ("" if whole else f" --day {_yesterday()}"))


def _say_written(mesh: Mesh, files: Iterable[Path]) -> None:
    for path in files:
        click.echo(f"wrote {path.relative_to(mesh.root)}")


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)
