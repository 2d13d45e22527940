"""`dagmesh diff` and `retire`: what a change of a contract needs, and whether a major may go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table

if TYPE_CHECKING:
    from dagmesh.consume.retirement import Evidence
    from dagmesh.lake.lake import Lake
    from dagmesh.model.domain import Product
    from dagmesh.model.mesh import Location, Mesh

REFUSED = 7
Comparison = dict[str, Any]  # what `consume.comparison.Comparison` describes, also where another interpreter compared


@click.command(epilog=example("dagmesh diff", "dagmesh diff orders.purchase_patterns --json", "dagmesh diff orders --markdown"))
@click.argument("names", nargs=-1, metavar="[ADDRESS|DOMAIN]...")
@json_option
@click.option("--markdown", is_flag=True, help="Print a Markdown table, for a pull request.")
@click.pass_context
def diff(ctx: click.Context, names: tuple[str, ...], as_json: bool, markdown: bool) -> None:
    """Compare contracts in code with the published ones and say which version each needs."""
    from dagmesh.model.mesh import Mesh

    if as_json and markdown:
        raise click.UsageError("--json and --markdown are two forms of one answer; choose one.")
    found = _found(Mesh.find(), names)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(_markdown(found) if markdown else [line for comparison in found for line in _lines(comparison)]))
    for comparison in found:
        if comparison["message"]:
            click.echo(comparison["message"], err=True)
    ctx.exit(0 if all(comparison["enough"] for comparison in found) else REFUSED)


def _found(mesh: Mesh, names: tuple[str, ...]) -> list[Comparison]:
    """The comparisons of the products named, of those of the domains named, or of all, by address.

    Raises:
        MeshError: no domain of that name, or one that does not load. AddressError: no such product in code.
    """
    from dagmesh.lake.lake import Lake
    from dagmesh.orchestrate.own_python import has_own_python

    lake = Lake.of(mesh)
    asked: dict[Location, list[str]] = {}
    for name in names or [location.name for location in mesh.locations]:
        asked.setdefault(mesh.location(name.partition(".")[0]), []).append(name)
    found = []
    for location, some in asked.items():
        found += _found_there(mesh, location, some) if has_own_python(location) else _found_here(mesh, lake, location, some)
    return sorted(found, key=lambda comparison: str(comparison["address"]))


def _found_here(mesh: Mesh, lake: Lake, location: Location, names: list[str]) -> list[Comparison]:
    from dagmesh.consume.comparison import compared

    products = location.load().products
    chosen = {product.address: product for name in names for product in _named(name, products)}
    return [compared(mesh, lake, product).describe() for product in chosen.values()]


def _found_there(mesh: Mesh, location: Location, names: list[str]) -> list[Comparison]:
    """The comparisons of a domain by its own interpreter."""
    import json

    from dagmesh.errors import MeshError
    from dagmesh.orchestrate.own_python import said_there

    done = said_there(mesh, location, ["diff", *names, "--json"])
    if done.returncode not in (0, REFUSED):
        raise MeshError(f"domains/{location.name}: {location.executable} cannot compare it: {done.stderr.strip()}")
    found: list[Comparison] = json.loads(done.stdout)
    return found


def _named(name: str, products: Sequence[Product]) -> list[Product]:
    """The products of a domain that its name or an address means: every major, unless one is named.

    Raises:
        AddressError: no such product in code.
    """
    from dagmesh.errors import AddressError, nearest
    from dagmesh.model.address import Address

    if "." not in name:
        return list(products)
    address = Address.parse(name)
    found = [p for p in products if p.name == address.product and address.major in (None, p.major)]
    if not found:
        close = nearest(address.name, [product.address.name for product in products])
        raise AddressError(f"{address} is no product in the code of this mesh.{close} See what is: dagmesh list")
    return found


def _lines(comparison: Comparison) -> list[str]:
    """One line for the product, and one for each change."""
    if comparison["baseline"] is None:
        return [f"{comparison['address']} {comparison['after']}: new"]
    step = f"{comparison['address']} {comparison['before']} ({comparison['baseline']}) -> {comparison['after']}"
    if not comparison["changes"] and comparison["enough"]:
        return [f"{step}: nothing changed"]
    verdict = "enough" if comparison["enough"] else "too low"
    changed = [f"  {c['effect']:<14} {c['words']}{_read_by(c['readers'])}" for c in comparison["changes"]]
    return [f"{step}: {verdict}, needs {comparison['needed']}", *changed]


def _read_by(readers: list[str]) -> str:
    return f" [read by {', '.join(readers)}]" if readers else ""


def _markdown(found: list[Comparison]) -> list[str]:
    """A table of the changes, and a line for what is as it was."""
    rows = [f"| {' | '.join(row)} |" for comparison in found for row in _rows(comparison)]
    same = sum(not _rows(comparison) for comparison in found)
    head = ["| product | version | needs | effect | change | read by |", "|---|---|---|---|---|---|"]
    return [*([*head, *rows, ""] if rows else []), f"{same} of {len(found)} contracts are as they were."]


def _rows(comparison: Comparison) -> list[list[str]]:
    """A row for each change; one for a new product and for a version that goes back, none for what is as it was."""
    said = [[c["effect"], _cell(c["words"]), ", ".join(c["readers"])] for c in comparison["changes"]]
    if comparison["baseline"] is None:
        said = [["new", "", ""]]
    elif not said and not comparison["enough"]:
        said = [["version", "goes back", ""]]
    needed = comparison["needed"] if comparison["enough"] else f"**{comparison['needed']}**"
    step = f"{comparison['before'] or 'new'} → {comparison['after']}"
    return [[comparison["address"], step, needed, *row] for row in said]


def _cell(text: str) -> str:
    """Text that stays in its cell and is no markup of its own."""
    for character in "\\|*_<>`":
        text = text.replace(character, f"\\{character}")
    return text


@click.command(epilog=example("dagmesh retire orders.orders@1", "dagmesh retire orders.orders@1 --days 90 --json"))
@click.argument("address")
@click.option("--days", default=30, show_default=True, type=click.IntRange(min=1), help="How long nobody may have read it.")
@json_option
@click.pass_context
def retire(ctx: click.Context, address: str, days: int, as_json: bool) -> None:
    """Show whether a major may be removed: its sunset, who read it lately, whose products read it."""
    from dagmesh.consume.retirement import evidence
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    parsed = Address.parse(address)
    if parsed.major is None:
        raise click.UsageError(f"'{address}' names no major; write {parsed.name}@1. See what is: dagmesh list")
    found = evidence(Lake.of(Mesh.find()), parsed.at_major(parsed.major), datetime.now(UTC), days)
    if as_json:
        print_json(found.describe())
    else:
        _print_evidence(found)
    ctx.exit(REFUSED if found.refused else 0)


def _print_evidence(found: Evidence) -> None:
    sunset = f"{found.sunset}, {found.days_left} days left" if found.sunset else "not announced"
    click.echo(f"{found.address} (version {found.publication.version}), sunset: {sunset}\n")
    rows = [[reader.name, reader.times, f"{reader.last:%Y-%m-%d %H:%M:%S}"] for reader in found.readers]
    print_table([f"read in the last {found.days} days by", "times", "last"], rows)
    click.echo()
    reading = [
        [str(c.address), c.owner, sorted(c.columns) if c.columns else "all", f"{c.published_at:%Y-%m-%d %H:%M:%S}"] for c in found.consumers
    ]
    print_table(["products that read it", "owner", "relies on", "last published"], reading)
    click.echo(f"\n{found.refused or f'{found.address} may go: remove its file. The snapshots in the lake stay.'}")
