"""`dagmesh export` and `dagmesh import`: products as documents of open standards, and contracts as drafts of products."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example

if TYPE_CHECKING:
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh
    from dagmesh.model.odcs_draft import Draft


@click.command(
    epilog=example("dagmesh export orders.purchase_patterns", "dagmesh export orders.purchase_patterns@1 --format odps --published")
)
@click.argument("address")
@click.option(
    "--format", "standard", type=click.Choice(["odcs", "odps"]), default="odcs", show_default=True, help="Data contract or product."
)
@click.option("--published", is_flag=True, help="As the newest snapshot was published; as the code says by default.")
def export(address: str, standard: str, published: bool) -> None:
    """Print a product as a document of an open standard, ODCS or ODPS."""
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh
    from dagmesh.model.odcs import to_odcs
    from dagmesh.model.odps import to_odps
    from dagmesh.model.yaml_text import yaml_text

    found = (_published if published else _in_code)(Mesh.find(), Address.parse(address))
    click.echo(yaml_text((to_odcs if standard == "odcs" else to_odps)(found)), nl=False)


@click.command(name="import", epilog=example("dagmesh import contract.odcs.yaml", "dagmesh import contract.odcs.yaml --to orders"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "domain", metavar="DOMAIN", help="Write the draft into the domain's products; it is printed by default.")
def import_contract(file: Path, domain: str | None) -> None:
    """Draft a product's file from a data contract (ODCS).

    What the contract cannot say of a product, and what a product cannot say of the contract, stands in comments on top.
    """
    from dagmesh.cli.draft_source import draft_source

    draft = _draft(file)
    text = draft_source(draft.product, draft.notes, file.name)
    if domain is None:
        click.echo(text, nl=False)
        return
    _write(domain, draft.product["name"], text)
    for note in draft.notes:
        click.echo(f"note: {note}", err=True)


def _in_code(mesh: Mesh, address: Address) -> dict[str, Any]:
    """The product as its file describes it, of its newest major when the address names none."""
    from dagmesh.errors import AddressError, nearest, one_of

    products = mesh.location(address.domain).load().products
    found = [product for product in products if product.name == address.product and address.major in (None, product.major)]
    if not found:
        known = [str(product.address) for product in products]
        allowed = f"choose {one_of(known)}" if known else "it has none"
        raise AddressError(f"domain {address.domain} has no product {address}; {allowed}.{nearest(str(address), known)}")
    return found[-1].describe()


def _published(mesh: Mesh, address: Address) -> dict[str, Any]:
    """The product as it was signed with its newest snapshot, or with the one the address names."""
    from dagmesh.consume.resolver import Resolver
    from dagmesh.lake.lake import Lake

    lake = Lake.of(mesh)
    found = Resolver(lake, "analyst").completed(address)
    return dict(lake.table(found).snapshot(found.snapshot).publication.product)


def _draft(file: Path) -> Draft:
    import yaml

    from dagmesh.errors import MeshError
    from dagmesh.model.odcs_draft import drafted

    if not file.is_file():
        raise MeshError(f"{file}: no such file; name a data contract, for example domains/orders/contracts/orders.v1.odcs.yaml.")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MeshError(f"{file}: cannot be read as YAML: {error}") from error
    try:
        return drafted(document)
    except MeshError as error:
        raise MeshError(f"{file}: {error}") from error
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        # Other people's documents may have anything anywhere; the standard's schema says what is where.
        raise MeshError(
            f"{file}: breaks the schema of ODCS ({type(error).__name__}: {error}). Check it: datacontract lint {file}"
        ) from error


def _write(domain: str, name: str, text: str) -> None:
    """Write the draft among the domain's products, where nothing of that name is."""
    from dagmesh.cli.scaffold import write
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    location = mesh.location(domain)
    path = location.folder / location.module.partition(".")[0] / "products" / f"{name}.py"
    write(mesh.root, {path: text})
    click.echo(f"wrote {path.relative_to(mesh.root)}")
    click.echo(f"Next: write its function, then dagmesh run {domain}.{name}")
