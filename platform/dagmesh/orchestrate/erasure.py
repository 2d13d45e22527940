"""What follows an erasure: what was made of the erased values is removed from the domain, and its products are made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagmesh.errors import DagmeshError
from dagmesh.events.projections.of_product import definition_of, projection_folder
from dagmesh.events.projections.personal import folds_personal
from dagmesh.events.projections.state_files import remove_state, remove_unused, state_folders
from dagmesh.lake.lake import Lake
from dagmesh.lake.opened_files import close_all
from dagmesh.lake.owner_only import private_home
from dagmesh.lake.quarantine import remove_quarantine
from dagmesh.model.domain import Domain, Product
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.again import make_again
from dagmesh.orchestrate.builder import Progress
from dagmesh.orchestrate.loading import dagster_domain

_SNAPSHOTS = 1000


@dataclass(frozen=True)
class Remade:
    """What became of a product after an erasure.

    `snapshot` is the new one's address; None: nothing was published, for the reasons in `messages`. `older` are the numbers of the
    snapshots from before, whose files are still there, and `kept` is how long the product's promise keeps such.
    """

    address: str
    snapshot: str | None
    messages: tuple[str, ...]
    older: tuple[int, ...]
    kept: str

    def describe(self) -> dict[str, object]:
        """The product as a certificate says it."""
        return {"product": self.address, "snapshot": self.snapshot, "older_snapshots": list(self.older)}


def affected_products(domain: Domain) -> list[Product]:
    """The domain's products that may have been made of personal values of its events, each after those it is made of.

    They are the projections that fold such a field, the functions over events, and whatever reads one of these in the domain.
    """
    found = [product for product in domain.products if _of_personal(product)]
    while more := [product for product in domain.products if product not in found and _reads(product, found)]:
        found += more
    return found


def _of_personal(product: Product) -> bool:
    if product.projection:
        return folds_personal(definition_of(product))
    return any(port.form == "events" for port in product.inputs)


def _reads(product: Product, others: Sequence[Product]) -> bool:
    names, addresses = {other.name for other in others}, {other.address for other in others}
    return any(port.address in addresses if port.address else port.source in names for port in product.inputs)


def remove_made(mesh: Mesh, domain: str, products: Sequence[Product]) -> list[Path]:
    """The files, now removed, that hold opened values in the domain's home: of these products states, quarantined rows, opened columns."""
    home, lake = private_home(mesh.home, domain), Lake.of(mesh)
    known = [projection_folder(home, product) for product in dagster_domain(mesh.location(domain)).products if product.projection]
    removed = remove_unused(home, known)
    for product in products:
        for folder in state_folders(home, f"{product.name}.v{product.major}"):
            remove_state(folder)
            removed.append(folder)
        removed += remove_quarantine(mesh.home, product)
        removed += close_all(lake.table(product.address).place)
    return removed


def remake(mesh: Mesh, products: Sequence[Product], progress: Progress) -> Iterator[Remade]:
    """Make these products again, and say of each what came of it; one that was never published is left alone."""
    lake = Lake.of(mesh)
    for product in products:
        newest = lake.table(product.address).newest
        if newest is not None:
            messages = _made(mesh, product, progress)
            published = None if messages else str(lake.table(product.address).snapshot().address)
            yield Remade(str(product.address), published, messages, _still_there(lake, product, newest), product.promise.retention)


def _made(mesh: Mesh, product: Product, progress: Progress) -> tuple[str, ...]:
    """Why the product could not be made again; nothing when it was. Whatever it is, the erasure is done and is to be certified."""
    try:
        ran = [*make_again(mesh, product, progress)]
    except DagmeshError as error:
        return (str(error),)
    return tuple(message for run in ran if not run.success for message in run.messages or ("its run failed.",))


def _still_there(lake: Lake, product: Product, newest: int) -> tuple[int, ...]:
    """The snapshots up to a number that can still be read."""
    table = lake.table(product.address)
    found = [past.publication.snapshot for past in table.history(_SNAPSHOTS) if past.trusted and past.publication.snapshot <= newest]
    return tuple(sorted(version for version in found if not table.snapshot(version).lost()))
