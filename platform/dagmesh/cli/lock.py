"""`dagmesh lock`: the contracts as the domains' teams commit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example

if TYPE_CHECKING:
    from pathlib import Path

    from dagmesh.model.lock import LockProblem
    from dagmesh.model.mesh import Mesh

BROKEN = 7


@click.command(epilog=example("dagmesh lock", "dagmesh lock orders marketing", "dagmesh lock --check"))
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 7 when code and lock files differ.")
def lock(domains: tuple[str, ...], only_check: bool) -> None:
    """Write every product's contract to its lock file, as ODCS, and say which changed.

    The files are domains/<domain>/contracts/<product>.v<major>.odcs.yaml; commit them. A file whose product is gone stays until
    it is removed by hand, and counts as broken.
    """
    from dagmesh.model.lock import lock_problems, lock_text, write_lock
    from dagmesh.model.mesh import Mesh

    mesh = Mesh.find()
    described = _described(mesh, domains)
    # Every text is made before the first file is written, so that a mistake in one product leaves no half of the locks.
    count = sum(len([lock_text(product) for product in products]) for products in described.values())
    changed = 0
    for folder, products in () if only_check else described.items():
        for problem in lock_problems(folder, products):
            if problem.kind != "left over":
                click.echo(f"locked {problem.address} in {problem.path.relative_to(mesh.root)}")
        changed += sum(write_lock(folder, product) for product in products)
    left = [problem for folder, products in described.items() for problem in lock_problems(folder, products)]
    _tell(left, count, None if only_check else changed)


def _described(mesh: Mesh, domains: tuple[str, ...]) -> dict[Path, list[dict[str, Any]]]:
    """The described products of the domains named, or of all, by the domain's folder."""
    locations = [mesh.location(domain) for domain in domains] or mesh.locations
    return {location.folder: [product.describe() for product in location.load().products] for location in locations}


def _tell(problems: list[LockProblem], count: int, changed: int | None) -> None:
    """Say what differs, or how many files there are; ends with exit code 7 when something differs."""
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        raise SystemExit(BROKEN)
    click.echo(f"{count} products are as they are locked." if changed is None else f"lock files: {count}, written: {changed}.")
