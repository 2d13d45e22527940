"""Which days of a projection are stale when its domain's store has more events: those that its things belong to, and no others."""

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from tests.event_mesh import DAYS, EventMesh, event
from tests.event_mesh import event_mesh as event_mesh  # a fixture
from tests.small_mesh import forget

from dagmesh.cli import main
from dagmesh.events.feeds.cloudevent import event_of
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.orchestrate.folding import folding_in
from dagmesh.orchestrate.nodes import Node
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.sensor import daily_sensor, domain_nodes

LOANS, READERS, TOWNS = (("library", f"{name}_v1") for name in ("loans", "readers", "towns"))
BUILD = ["build", "--days", "3", "--to", DAYS[-1]]
RECENT = [(datetime.now(UTC).date() - timedelta(days=back)).isoformat() for back in (3, 2, 1)]


def lent(day: str, number: int = 77) -> dict[str, Any]:
    """A loan of the day."""
    return event(number, day, "BookBorrowed", "r1", loan_id=f"late-{number}", book="a late book", weeks=2)


def append(mesh: EventMesh, *events: dict[str, Any]) -> None:
    """More events in the store, by no feed."""
    store = mesh.store()
    store.append([event_of(one) for one in events])
    store.close()


def nodes(mesh: EventMesh) -> dict[tuple[str, str], Node]:
    forget()
    loaded = mesh.mesh.location("library").load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        tables = private_tables("library", private_assets(loaded))
    return dict(domain_nodes(loaded, tables, mesh.mesh, mesh.lake))


def fold(mesh: EventMesh, *keys: tuple[str, str]) -> dict[tuple[str, str], Node]:
    """The nodes, the projections of these keys folded up to the head by someone."""
    found = nodes(mesh)
    for key in keys:
        with duckdb.connect() as con, folding_in(mesh.private, con, found[key].product):
            pass
    return found


def stale(node: Node, days: list[str] = DAYS) -> list[str]:
    state = node.state([date.fromisoformat(day) for day in days])
    return [day.isoformat() for day in state.days] or ["all"] * state.stale


def files(mesh: EventMesh) -> dict[str, list[str]]:
    """The files of the newest snapshot of library.loans by day."""
    found: dict[str, list[str]] = {}
    for file in Lake.of(mesh.mesh).table(Address.parse("library.loans@1")).snapshot().files:
        found.setdefault(str(file.day), []).append(file.path)
    return found


def test_a_late_event_makes_its_day_stale_and_no_other(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    append(event_mesh, lent(DAYS[0]))

    found = fold(event_mesh, LOANS, READERS, TOWNS)

    assert stale(found[LOANS]) == [DAYS[0]]
    assert stale(found[READERS]) == ["all"]
    assert stale(found[TOWNS]) == []  # made of no such event


def test_a_late_event_in_a_later_export_restates_its_day(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built(*DAYS[:2])
    before = files(event_mesh)
    event_mesh.hand_over(DAYS[2], [lent(DAYS[0]), lent(DAYS[2], 78)])

    event_mesh.build(*DAYS)

    after = files(event_mesh)
    assert [row[0] for row in event_mesh.rows("library.loans@1") if row[0].startswith("late")] == ["late-77", "late-78"]
    assert {day for day in after if after[day] != before.get(day)} == {DAYS[0], DAYS[2]}


def test_a_second_build_does_nothing_until_the_store_has_more(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    ran = [CliRunner().invoke(main, BUILD) for _ in range(2)]
    assert [done.exit_code for done in ran] == [0, 0]
    assert "nothing is new" in ran[1].stderr

    append(event_mesh, lent(DAYS[1]))
    more, again = (CliRunner().invoke(main, BUILD) for _ in range(2))

    assert "library" in more.stderr
    assert "nothing is new" not in more.stderr
    assert "nothing is new" in again.stderr


def test_a_projections_state_that_is_gone_is_folded_again(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    before = files(event_mesh)
    for note in event_mesh.private.glob("projections/*/*/*"):
        note.unlink()

    done = CliRunner().invoke(main, BUILD)

    after = files(event_mesh)
    assert done.exit_code == 0
    assert [day for day in DAYS if after[day] != before[day]] in ([], [DAYS[-1]])  # a run shows something for itself
    assert stale(nodes(event_mesh)[LOANS]) == []


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(mesh: EventMesh, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    forget()
    loaded = mesh.mesh.location("library").load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        tables = private_tables("library", private_assets(loaded))
    asked = daily_sensor(loaded, tables, mesh.mesh)(dg.build_sensor_context(instance=instance))
    return asked if isinstance(asked, dg.RunRequest) else str(asked.skip_message)


def test_events_that_no_feed_brought_are_published_by_the_sensor(event_mesh: EventMesh, instance: dg.DagsterInstance) -> None:
    for day in RECENT:
        event_mesh.hand_over(day, [lent(day, number) for number in range(3)])
    event_mesh.build(*RECENT)
    before = files(event_mesh)
    append(event_mesh, lent(RECENT[0]))

    asked = tick(event_mesh, instance)
    event_mesh.build(*RECENT)

    assert isinstance(asked, dg.RunRequest), asked
    assert ["library", "loans_v1"] in [key.path for key in asked.asset_selection]
    assert [asked.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")] == [RECENT[0], RECENT[-1]]
    after = files(event_mesh)
    assert [day for day in RECENT if after[day] != before[day]] == [RECENT[0]]
    assert isinstance(tick(event_mesh, instance), str)


def test_a_function_sees_late_events_of_its_window_that_are_older_than_every_file(event_mesh: EventMesh) -> None:
    letters = "domains/library/library/products/letters.py"
    window = 'reads={"library_events": dm.read("library_events", days=30)})\ndef letters'
    event_mesh.change(letters, ")\ndef letters", f", {window}")
    late = [event(n, day, "ReaderRegistered", f"r{n}", name=f"Reader {n}") for n, day in ((1, "2026-02-02"), (2, "2026-01-30"))]
    event_mesh.hand_over("2026-03-03", late)

    event_mesh.build("2026-03-03")

    assert event_mesh.rows("library.letters@1") == [("r1", "Reader 1")]
