"""`dagmesh replay`: a product's events folded again from the first one, to publish, to compare, or to see what was."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from dagmesh.cli.build import told
from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json, print_table, progress_console, shown
from dagmesh.consume.own_events import owned_events

if TYPE_CHECKING:
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.replay import Compared

DIFFERENT = 1


class Moment(click.ParamType[datetime]):
    """A moment with its zone, or a day, which means its end, UTC."""

    name = "TIME"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment a text names."""
        if isinstance(value, datetime):
            return value
        try:
            if len(value) == len("2026-11-19"):
                return datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), UTC) - datetime.resolution
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is no moment; write 2026-11-19 or 2026-11-19T08:00:00Z.", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"'{value}' has no zone; write {value}Z for UTC.", param, ctx)
        return moment


class Known(click.ParamType[int | datetime]):
    """A position of the event store, or a moment."""

    name = "POSITION|TIME"

    def convert(self, value: str | int | datetime, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        """The position or moment a text names."""
        if isinstance(value, str) and value.isdigit():
            return int(value)
        return value if isinstance(value, int) else Moment().convert(value, param, ctx)


@click.command(
    epilog=example(
        "dagmesh replay orders.purchase_patterns",
        "dagmesh replay orders.purchase_patterns --compare",
        "dagmesh replay orders.purchase_patterns --valid-at 2026-11-18",
    )
)
@click.argument("address")
@click.option("--compare", "comparing", is_flag=True, help="Publish nothing; print what a replay would change of the newest snapshot.")
@click.option("--known-at", type=Known(), help="Print the rows as they were believed: at a position, or in the snapshot newest then.")
@click.option("--valid-at", type=Moment(), help="Print the rows made only of what had happened then.")
@json_option
@click.pass_context
def replay(
    ctx: click.Context, address: str, comparing: bool, known_at: int | datetime | None, valid_at: datetime | None, as_json: bool
) -> None:
    """Fold a product's events again from the first one and publish, compare, or show what was."""
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    mesh, parsed = Mesh.find(), Address.parse(address)
    looking = known_at is not None or valid_at is not None
    if comparing and looking:
        raise click.UsageError("--compare is with the rows of today; leave out --known-at and --valid-at.")
    if as_json and not (comparing or looking):
        raise click.UsageError("--json is of --compare, --known-at or --valid-at; a replay that publishes prints nothing.")
    owned_events(mesh, parsed.domain)
    _replayed_there(ctx, mesh, parsed)
    if looking:
        _print_then(mesh, parsed, known_at, valid_at, as_json)
    elif comparing:
        ctx.exit(_print_compared(mesh, parsed, as_json))
    else:
        _publish(mesh, parsed)


def _replayed_there(ctx: click.Context, mesh: Mesh, address: Address) -> None:
    """End the command with what the domain's own interpreter made of it, where it has one."""
    from dagmesh.orchestrate.own_python import has_own_python, said_there

    location = mesh.location(address.domain)
    if not has_own_python(location):
        return
    options: list[str] = []
    for name, value in ctx.params.items():
        option = {"comparing": "--compare", "as_json": "--json"}.get(name, f"--{name.replace('_', '-')}")
        if name != "address" and value is not None and value is not False:
            options += [option] if value is True else [option, str(value) if isinstance(value, int) else value.isoformat()]
    done = said_there(mesh, location, ["replay", str(address), *options])
    click.echo(done.stdout, nl=False)
    click.echo(done.stderr, nl=False, err=True)
    ctx.exit(done.returncode)


def _publish(mesh: Mesh, address: Address) -> None:
    from dagmesh.orchestrate.replay import replay_product

    if told(replay_product(mesh, address, progress_console().print)):
        raise SystemExit(6)


def _print_then(mesh: Mesh, address: Address, known_at: int | datetime | None, valid_at: datetime | None, as_json: bool) -> None:
    from dagmesh.orchestrate.replay import SHOWN_ROWS, rows_then

    columns, rows = rows_then(mesh, address, known_at, valid_at)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)
    if len(rows) == SHOWN_ROWS:
        click.echo(f"the first {SHOWN_ROWS} rows by key; there may be more.", err=True)


def _print_compared(mesh: Mesh, address: Address, as_json: bool) -> int:
    from dagmesh.orchestrate.replay import compare

    found = compare(mesh, address)
    if as_json:
        print_json(found.describe())
    else:
        _print_changes(found)
    return 0 if found.changes.same else DIFFERENT


def _print_changes(found: Compared) -> None:
    changes = found.changes
    until = f"events up to {found.position}" + (f", the snapshot up to {found.published}" if found.published != found.position else "")
    if changes.same:
        click.echo(f"{found.snapshot.address}: a replay of {until} changes nothing.")
        return
    cells = [f"{count} of {name}" for name, count in changes.cells.items()]
    click.echo(f"{found.snapshot.address}: a replay of {until} changes it.")
    click.echo(f"  {changes.new} rows new, {changes.gone} rows gone, cells changed: {', '.join(cells) or 'none'}")
    for said, columns in (("new", changes.new_columns), ("gone", changes.gone_columns)):
        if columns:
            click.echo(f"  columns {said}: {', '.join(columns)}")
    if changes.first:
        click.echo(f"\n{len(changes.first)} of {changes.total} changes, by key:")
        print_table(["change", "key", "column", "published", "replayed"], [_line(vars(change)) for change in changes.first])


def _line(change: dict[str, Any]) -> list[Any]:
    key = ", ".join(f"{name}={shown(value)}" for name, value in change["key"].items())
    return [change["what"], key, change["column"], change["before"], change["after"]]
