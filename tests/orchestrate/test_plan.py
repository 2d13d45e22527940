"""The plan: upstream first, nothing in vain, and batches that one run can take."""

from datetime import date

import pytest
from tests.orchestrate.graph import DAYS, EVENTS, FILES, PLACES, PLACES_FILE, READINGS, SERVES, TOTALS, Graph

from dagmesh.orchestrate.plan import Plan, Todo, changes, due_days, parts

D1, D2, D3, D4, D5, D6, D7 = DAYS
OWN_SOURCE = '''"""What reports notes for itself."""
import dagster as dg
import dagmesh as dm


FILES = f"{dm.exports('reports')}/{{day}}"


@dg.asset(partitions_def=dm.daily("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run(), metadata=dm.files(FILES))
def notes(context: dg.AssetExecutionContext) -> None:
    """Notes by day."""
'''


WHOLE_SOURCE = '''"""What reports is told of sites."""
import dagster as dg
import dagmesh as dm


@dg.asset(metadata=dm.files(f"{dm.exports('reports')}/sites.csv"))
def sites() -> str:
    """One row per site."""
    return "(SELECT 's1' AS sensor, DATE '2026-01-01' AS newest)"
'''
SITES = (
    PLACES_FILE.replace(', reads={"readings": "sensors.readings@1"}', "")
    .replace("readings: duckdb", "sites: duckdb")
    .replace('max(read_on) AS newest FROM readings GROUP BY sensor", readings=readings', 'newest FROM sites", sites=sites')
)


def batch(graph: Graph, *days: date, **said: object) -> dict[str, list[int]]:
    return {todo.node.key[1]: [day.day for day in todo.days] for todo in graph.plan(*days, **said).batch()}


def test_everything_is_planned_upstream_first(graph: Graph) -> None:
    graph.export(D1, 10)

    planned = graph.plan(D1)

    assert [(todo.node.key, todo.after) for todo in planned.todo] == [
        (EVENTS, frozenset()),
        (READINGS, frozenset([EVENTS])),
        (TOTALS, frozenset([READINGS])),
    ]


def test_nothing_is_planned_when_nothing_changed(graph: Graph) -> None:
    graph.make_all(D1, D2)

    planned = graph.plan(D1, D2)

    assert (planned.todo, planned.waiting, planned.refused) == ((), (), ())


def test_a_changed_day_is_planned_for_what_sees_it_and_for_nothing_else(graph: Graph) -> None:
    graph.write_places()
    graph.make_all(D1, D2, D3)
    graph.make(PLACES)

    graph.export(D2, 99)

    assert graph.planned(D1, D2, D3) == {"events": [2], "readings_v1": [2], "places_v1": [], "totals_v1": [2]}


def test_late_rows_restate_exactly_the_days_they_may_belong_to(graph: Graph) -> None:
    graph.mesh.change(
        FILES["readings"], 'serves=["reports"],', 'serves=["reports"],\n    reads={"events": dm.read("events", late_days=2)},'
    )
    graph.make_all(D1, D2, D3, D4)

    graph.export(D5, 50)

    assert graph.planned(D1, D2, D3, D4, D5) == {"events": [5], "readings_v1": [3, 4, 5], "totals_v1": [3, 4, 5]}


def test_days_outside_those_asked_for_are_not_planned(graph: Graph) -> None:
    graph.let_readings_see("days=3")
    graph.make_all(D1, D2, D3, D4, D5)

    graph.export(D3, 99)

    assert graph.planned(D3, D4) == {"events": [3], "readings_v1": [3, 4], "totals_v1": [3, 4]}


def test_a_day_without_its_file_is_waited_for_and_the_others_are_planned(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D3, 30)

    planned = graph.plan(D1, D2, D3)

    assert graph.planned(D1, D2, D3) == {"events": [3], "readings_v1": [3], "totals_v1": [3]}
    assert [words.split(" waits for ")[0] for words in planned.waiting] == [
        "sensors's events 2026-11-02",
        "sensors.readings@1 2026-11-02",
        "reports.totals@1 2026-11-02",
    ]


def test_a_day_that_also_waits_for_something_nobody_makes_is_not_planned_in_vain(graph: Graph) -> None:
    graph.mesh.write("domains/reports/reports/sources.py", OWN_SOURCE)
    graph.let_totals_read("notes", "notes")
    graph.make_readings(D1)
    graph.mesh.write(".dagmesh/exports/reports/2026-11-01", "")
    graph.mesh.write(".dagmesh/exports/reports/2026-11-02", "")

    planned = graph.plan(D1, D2)

    assert graph.planned(D1, D2) == {"notes": [1, 2], "totals_v1": [1]}
    assert planned.waiting[-1] == (
        "reports.totals@1 2026-11-02 waits for sensors.readings@1#0; "
        "reports.totals@1 waits for reports's private table notes: it has not run yet."
    )


def test_a_whole_input_that_is_about_to_be_made_is_waited_for_until_it_says_what_it_covers(graph: Graph) -> None:
    graph.write_places()
    graph.let_totals_read("places", "places")
    graph.export(D1, 10)
    for key, *days in ((EVENTS, D1), (READINGS, D1), (PLACES,), (TOTALS, D1)):
        graph.make(key, *days)

    graph.export(D2, 20)

    assert graph.planned(D1, D2) == {"events": [2], "readings_v1": [2], "places_v1": []}


def test_a_refused_day_is_not_planned_again_and_is_named(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D2, -5)
    graph.make(EVENTS, D2)
    graph.make(READINGS, D2)

    planned = graph.plan(D1, D2)

    assert planned.todo == ()
    assert planned.refused == ("sensors.readings@1 2026-11-02 is refused: degrees >= 0",)
    assert planned.waiting == ("reports.totals@1 2026-11-02 waits for sensors.readings@1#0",)


def test_a_refused_day_is_planned_once_what_it_is_made_of_is_to_change(graph: Graph) -> None:
    graph.export(D2, -5)
    graph.make(EVENTS, D2)
    graph.make(READINGS, D2)

    graph.export(D2, 5)

    assert graph.planned(D2) == {"events": [2], "readings_v1": [2], "totals_v1": [2]}
    assert graph.plan(D2).refused == ()


def test_a_consumer_that_is_not_served_waits_and_the_others_are_planned(graph: Graph) -> None:
    graph.write_places()
    graph.mesh.change(FILES["readings"], SERVES, 'serves=["finance"],')
    graph.make_readings(D1)
    graph.export(D2, 20)

    planned = graph.plan(D1, D2)

    assert [todo.node.key for todo in planned.todo] == [EVENTS, READINGS]
    assert sorted(words.split(":")[0] for words in planned.waiting) == [
        "reports.places@1 cannot be made",
        "reports.totals@1 cannot be made",
    ]


def test_a_batch_is_of_one_domain(graph: Graph) -> None:
    graph.export(D1, 10)

    assert batch(graph, D1) == {"events": [1], "readings_v1": [1]}
    graph.make(EVENTS, D1)
    graph.make(READINGS, D1)
    assert batch(graph, D1) == {"totals_v1": [1]}


def test_a_batch_is_a_range_of_days_in_a_row(graph: Graph) -> None:
    for day in (D1, D2, D4, D5, D6):
        graph.export(day, day.day)

    assert batch(graph, *DAYS) == {"events": [1, 2], "readings_v1": [1, 2]}


def test_products_with_other_days_share_the_batch(graph: Graph) -> None:
    graph.mesh.change(
        FILES["readings"], 'serves=["reports"],', 'serves=["reports"],\n    reads={"events": dm.read("events", late_days=2)},'
    )
    graph.make_all(D1, D2, D3, D4)
    graph.export(D5, 50)

    assert batch(graph, *DAYS[:5]) == {"events": [5], "readings_v1": [3, 4, 5]}


def test_a_domain_that_one_run_can_finish_comes_first(graph: Graph) -> None:
    graph.write_places()
    places, totals, readings = (graph.nodes[key] for key in (PLACES, TOTALS, READINGS))
    of_places, of_readings = Todo(places, (), "", frozenset()), Todo(readings, (D1,), "", frozenset())
    of_totals = Todo(totals, (D1,), "", frozenset([READINGS]))

    assert Plan((of_places, of_readings, of_totals), (), ()).batch() == (of_readings,)
    assert Plan((of_places, of_totals), (), ()).batch() == (of_places,)


def test_a_whole_product_of_what_has_no_days_holds_up_none(graph: Graph) -> None:
    graph.mesh.write("domains/reports/reports/sources.py", WHOLE_SOURCE)
    graph.mesh.write(FILES["places"], SITES)
    graph.let_totals_read("places", "reports.places@1")
    graph.mesh.write(".dagmesh/exports/reports/sites.csv", "s1")
    graph.make_readings(D1)

    assert batch(graph, D1) == {"sites": [], "places_v1": [], "totals_v1": [1]}


def test_a_whole_product_is_made_once_after_the_last_range_of_its_input(graph: Graph) -> None:
    graph.write_places(domain="sensors")
    for day in (D1, D3):
        graph.export(day, 10)

    assert batch(graph, D1, D2, D3) == {"events": [1], "readings_v1": [1]}
    graph.make(EVENTS, D1)
    graph.make(READINGS, D1)
    assert batch(graph, D1, D2, D3) == {"events": [3], "readings_v1": [3], "places_v1": []}


def test_what_is_left_out_is_waited_for_and_everything_else_goes_on(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D2, 20)
    graph.export(D3, 30)

    planned = graph.planned(D1, D2, D3, without=[(EVENTS, D2)])

    assert planned == {"events": [3], "readings_v1": [3], "totals_v1": [3]}
    assert graph.plan(D1, D2, D3, without=[(EVENTS, D2)]).waiting == (
        "sensors.readings@1 2026-11-02 waits for events",
        "reports.totals@1 2026-11-02 waits for sensors.readings@1#0",
    )


def test_what_is_left_out_does_not_hold_up_what_has_an_older_version_of_it(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D1, 99)
    graph.mesh.change(FILES["totals"], "sum(degrees)", "max(degrees)")

    assert graph.planned(D1, without=[(EVENTS, D1)]) == {"totals_v1": [1]}


def test_the_parts_of_a_batch_change_exactly_with_what_they_are_made_of(graph: Graph) -> None:
    graph.make_all(D1)
    graph.export(D2, 20)
    of_batch = parts(graph.plan(D1, D2).batch())
    before = changes(graph.nodes, of_batch)

    again = changes(graph.nodes, of_batch)
    graph.export(D2, 21)

    assert of_batch == {(EVENTS, D2), (READINGS, D2)}
    assert again == before
    assert {part for part, change in changes(graph.nodes, of_batch).items() if before[part] != change} == {(EVENTS, D2)}


@pytest.mark.parametrize(("now", "days"), [(date(2026, 1, 1), []), (date(2026, 1, 3), [1, 2]), (date(2026, 1, 10), [7, 8, 9])])
def test_days_are_due_from_the_domains_first_day_to_yesterday(graph: Graph, now: date, days: list[int]) -> None:
    domain = graph.mesh.mesh.location("sensors").load()

    assert [day.day for day in due_days(domain, now, 3)] == days
