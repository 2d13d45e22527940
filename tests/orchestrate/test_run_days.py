"""One run makes a domain's day: each product its own days, and Dagster is told exactly those that were made."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest
from tests.event_mesh import DAYS as EVENT_DAYS
from tests.event_mesh import EventMesh, event
from tests.event_mesh import event_mesh as event_mesh  # a fixture
from tests.orchestrate.graph import DAYS, EVENTS, FILES, READINGS, SERVES, Graph
from tests.small_mesh import SmallMesh

from dagmesh.errors import MeshError
from dagmesh.model.address import Address
from dagmesh.orchestrate.instance import install
from dagmesh.orchestrate.plan import Todo
from dagmesh.orchestrate.publishing import Outcome, Run, publish
from dagmesh.orchestrate.run_days import LOOKED_AT, OWN_DAYS, RunDays, run_tags

D1, D2, D3, D4, D5, *_ = DAYS


def newest_run(mesh: SmallMesh, domain: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The tags of a domain's newest run, and of each asset the partitions that it says are materialised."""
    with dg.DagsterInstance.from_config(str(install(mesh.mesh.home))) as instance:
        run = instance.get_runs(dg.RunsFilter(tags={"dagster/code_location": domain}), limit=1)[0]
        found: dict[str, list[str]] = {}
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            made = entry.asset_materialization
            found.setdefault(made.asset_key.path[-1], []).append(made.partition)
        return dict(run.tags), {name: sorted(days, key=str) for name, days in found.items()}


def published(mesh: SmallMesh, address: str) -> list[str]:
    """The days of the product's newest publication."""
    files = mesh.lake.table(Address.parse(address)).snapshot().publication.files
    return sorted({file["path"].split("/")[0].partition("=")[2] for file in files})


def test_a_day_that_restates_others_is_one_run_of_each_domain(small_mesh: SmallMesh) -> None:
    small_mesh.change(FILES["readings"], SERVES, f'{SERVES}\n    reads={{"events": dm.read("events", late_days=2)}},')
    days = [f"2026-11-0{day}" for day in range(1, 6)]
    for day in days[:4]:
        small_mesh.export(day, 10)
    assert all(run.success for run in small_mesh.build(*days[:4]))
    small_mesh.export(days[4], 50)

    runs = small_mesh.build(*days)

    assert [(run.domain, run.success) for run in runs] == [("sensors", True), ("reports", True)]
    tags, made = newest_run(small_mesh, "sensors")
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (days[4], days[4])
    assert made == {"events": days[4:], "readings_v1": days[2:]}
    assert published(small_mesh, "sensors.readings@1") == days[2:]


def test_a_late_event_is_published_by_the_run_that_it_came_with(event_mesh: EventMesh) -> None:
    first, second, last = EVENT_DAYS
    event_mesh.handed_over_and_built(first, second)
    late = event(77, first, "BookBorrowed", "r1", loan_id="late", book="a late book", weeks=2)
    event_mesh.hand_over(last, [event(1, last, "BookBorrowed", "r1", loan_id="new", book="a new book", weeks=2), late])

    runs = event_mesh.build(*EVENT_DAYS)

    assert [run.domain for run in runs if "loans_v1" in {key[1] for key in run.keys}] == ["library"]
    assert newest_run(event_mesh, "library")[1]["loans_v1"] == [first, last]
    assert published(event_mesh, "library.loans@1") == [first, last]
    assert event_mesh.build(*EVENT_DAYS) == []


def test_what_a_failed_run_did_not_come_to_is_made_by_another(small_mesh: SmallMesh, graph: Graph) -> None:
    graph.write_places(domain="sensors")
    small_mesh.export("2026-11-01", -10)
    small_mesh.export("2026-11-02", 20)

    runs = small_mesh.build("2026-11-01", "2026-11-02")

    assert [(run.domain, run.success, [key[1] for key in run.keys]) for run in runs if run.domain == "sensors"] == [
        ("sensors", False, ["events", "readings_v1", "places_v1"]),
        ("sensors", True, ["places_v1"]),
    ]
    assert small_mesh.rows("sensors.places@1") == [("s0", date(2026, 11, 2))]


def made(graph: Graph, *days: date) -> Outcome:
    """The outcome of making the readings of some days, in a run planned by a look at all."""
    node = graph.nodes[READINGS]
    return publish(Run(node.ports, graph.mesh.lake.connect(), "run-1", datetime.now(UTC), looked_at=DAYS), node.product, days)


def test_other_days_that_became_stale_are_made_too(graph: Graph) -> None:
    graph.make_readings(D1, D2, D3)
    graph.export(D1, 99)
    graph.export(D3, 30)
    graph.make(EVENTS, D1, D3)

    assert made(graph, D3).published == (D1, D3)


def test_other_days_that_fail_do_not_hold_up_those_asked_for(graph: Graph) -> None:
    graph.make_readings(D1, D2)
    graph.mesh.change(FILES["readings"], "avg(degrees)", "avg(CASE WHEN degrees = 99 THEN error('boom') ELSE degrees END)")
    graph.export(D1, 99)
    graph.make(EVENTS, D1)

    assert made(graph, D2).published == (D2,)


def test_a_run_says_of_each_product_the_days_that_its_partitions_do_not_name(graph: Graph) -> None:
    events, readings = graph.nodes[EVENTS], graph.nodes[READINGS]
    batch = [Todo(events, (D5,), "", frozenset()), Todo(readings, (D1, D3, D4, D5), "", frozenset())]

    tags = run_tags(batch, [D1, D2, D3, D4, D5])

    assert tags["dagster/asset_partition_range_start"] == tags["dagster/asset_partition_range_end"] == str(D5)
    assert RunDays.of("events", [D5], tags).days == (D5,)
    assert RunDays.of("readings_v1", [D5], tags) == RunDays((D5,), (D1, D3, D4, D5), (D1, D2, D3, D4, D5))
    assert run_tags(batch[:1]) == {name: tags[name] for name in tags if name.startswith("dagster/")}


@pytest.mark.parametrize("tags", [{OWN_DAYS: "["}, {OWN_DAYS: '{"readings_v1": ["2026-11-01"]}'}, {LOOKED_AT: '[["2026-11-01", "x"]]'}])
def test_tags_that_no_plan_wrote_are_refused(tags: dict[str, str]) -> None:
    with pytest.raises(MeshError, match=r"readings_v1: the run's tags .* are not as a plan writes them. Launch it without them."):
        RunDays.of("readings_v1", [D1], tags)
