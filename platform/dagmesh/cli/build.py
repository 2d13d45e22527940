"""`dagmesh build`, `run`, `backfill`: make products now, in this process, as Dagster runs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example
from dagmesh.cli.output import one_line, progress_console

if TYPE_CHECKING:
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.ran import Ran


class Day(click.ParamType[date]):
    """A day as YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day a text names."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a day; write YYYY-MM-DD, for example 2026-11-19.", param, ctx)


def yesterday() -> date:
    """The last whole UTC day."""
    return datetime.now(UTC).date() - timedelta(days=1)


def _over(day: date) -> date:
    """The day, when it is over."""
    if day > yesterday():
        raise click.UsageError(f"{day} is not over; choose a day up to {yesterday()} (UTC).")
    return day


def wanted_days(count: int, last: date | None) -> list[date]:
    """The last `count` days up to `last`, which must be over; up to yesterday by default."""
    newest = _over(last or yesterday())
    return [newest - timedelta(days=back) for back in reversed(range(count))]


@click.command(epilog=example("dagmesh build", "dagmesh build --days 7", "dagmesh build --domain orders"))
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="How many days.")
@click.option("--to", "last", type=Day(), help="The last day; yesterday (UTC) by default.")
@click.option("--domain", "only", multiple=True, help="Only this domain; may be given several times.")
def build(days: int, last: date | None, only: tuple[str, ...]) -> None:
    """Bring the mesh up to date: run what is stale, in order, and print the board."""
    from dagmesh.cli.board import print_board
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.unchanged import is_unchanged

    mesh, wanted = Mesh.find(), wanted_days(days, last)
    lake, failed = Lake.of(mesh), False
    if not only and is_unchanged(mesh, lake, wanted):
        click.echo("nothing is new: every product is up to date.", err=True)
    else:
        with collected_seldom():
            lake, failed = _build(mesh, wanted, only)
    print_board(mesh, lake)
    if failed:
        raise SystemExit(6)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Within it Python looks for garbage in cycles a hundred times less often: a command that ends in seconds leaves little."""
    before = gc.get_threshold()
    gc.set_threshold(100 * before[0], *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _build(mesh: Mesh, days: Sequence[date], only: Sequence[str]) -> tuple[Lake, bool]:
    """The lake that was built, with what is remembered of it, and whether anything failed."""
    from dagmesh.orchestrate.build import build_mesh
    from dagmesh.orchestrate.resources import lake_of_process

    with one_line() as show:
        show("loading the domains")
        failed = told(_each_after(lambda: show(""), build_mesh(mesh, days, only, show, beside=True)))
    return lake_of_process(mesh.lake_root, str(mesh.home)), failed


def _each_after(clear: Callable[[], None], ran: Iterable[Ran]) -> Iterator[Ran]:
    """Each run, the line of progress being cleared before anything is said of it."""
    for run in ran:
        clear()
        yield run


def told(ran: Iterable[Ran]) -> bool:
    """Print a line for each run as it ends, and what is refused or waits; whether anything is not as it should be."""
    failed = False
    for run in ran:
        if run.domain:
            _tell_run(run)
        for message in (*run.messages, *run.warnings):
            click.echo("  " + message.replace("\n", "\n  "), err=True)
        failed = failed or not run.success
    return failed


def _tell_run(run: Ran) -> None:
    names = ", ".join(key[1] for key in run.keys) or "is not built"
    days = f" {run.days[0]} to {run.days[-1]}" if len(run.days) > 1 else "".join(f" {day}" for day in run.days)
    mark = click.style("done", fg="green") if run.success else click.style("failed", fg="red")
    click.echo(f"{mark} {run.domain}{days}: {names} ({run.seconds:.1f} s)", err=True)


@click.command(epilog=example("dagmesh run orders.purchase_patterns", "dagmesh run orders.orders --day 2026-11-19"))
@click.argument("address")
@click.option("--day", type=Day(), help="The day to make, of a daily product; yesterday (UTC) by default.")
def run(address: str, day: date | None) -> None:
    """Run one product now, with the private tables it needs, and publish it."""
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.build import run_product

    ran = run_product(Mesh.find(), Address.parse(address), _over(day or yesterday()), progress_console().print)
    if told(ran):
        raise SystemExit(6)


@click.command(epilog=example("dagmesh backfill orders --from 2026-11-01 --to 2026-11-19"))
@click.argument("domain")
@click.option("--from", "first", type=Day(), required=True, help="The first day.")
@click.option("--to", "last", type=Day(), required=True, help="The last day.")
def backfill(domain: str, first: date, last: date) -> None:
    """Make every product of a domain again for a range of days; each day is replaced whole."""
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.build import backfill_domain

    if last < first:
        raise click.UsageError(f"--to {last} is before --from {first}.")
    days = [first + timedelta(days=ahead) for ahead in range((_over(last) - first).days + 1)]
    if told(backfill_domain(Mesh.find(), domain, days, progress_console().print)):
        raise SystemExit(6)
