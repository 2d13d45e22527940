"""One tick of a domain's sensor: what it asks for, what it leaves alone, and what it says meanwhile."""

import time
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG
from tests.orchestrate.graph import EVENTS, FILES, READINGS, Graph

from dagmesh.orchestrate.asked_before import RETRIED_WITHIN, AskedBefore
from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.sensor import daily_sensor

D9, D3, D2, D1 = (datetime.now(UTC).date() - timedelta(days=back) for back in (9, 3, 2, 1))
SUCCESS, FAILURE, CANCELED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED
UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(graph: Graph, instance: dg.DagsterInstance, domain: str = "sensors") -> dg.RunRequest | str:
    """What one tick of the domain's sensor asks for; in words why it asks for nothing."""
    assert graph.nodes  # loads the files as they are now
    loaded = graph.mesh.mesh.location(domain).load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        tables = private_tables(domain, private_assets(loaded))
    asked = daily_sensor(loaded, tables, graph.mesh.mesh)(dg.build_sensor_context(instance=instance))
    return asked if isinstance(asked, dg.RunRequest) else asked.skip_message


def asked(graph: Graph, instance: dg.DagsterInstance) -> tuple[list[str], list[date]]:
    """The assets and the range of days that a tick asks for."""
    request = tick(graph, instance)
    assert isinstance(request, dg.RunRequest), request
    return [key.path[-1] for key in request.asset_selection], days(request)


def days(request: dg.RunRequest) -> list[date]:
    return [date.fromisoformat(request.tags[f"dagster/asset_partition_range_{end}"]) for end in ("start", "end")]


def note(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run for the request, noted as the daemon does, that has come to this status."""
    tags = {"dagster/sensor_name": "sensors_daily", "dagster/run_key": request.run_key}
    return instance.add_run(dg.DagsterRun("__ASSET_JOB", run_id=dg._core.utils.make_new_run_id(), tags=tags, status=status))


def test_all_that_is_stale_in_a_row_of_days_is_asked_for_in_one_run(graph: Graph, instance: dg.DagsterInstance) -> None:
    for day in (D9, D3, D2, D1):
        graph.export(day, 10)

    assert asked(graph, instance) == (["events", "readings_v1"], [D3, D1])


def test_the_same_state_is_asked_for_with_the_same_key(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.export(D1, 10)

    first, again = tick(graph, instance), tick(graph, instance)
    graph.export(D1, 20)

    assert first.run_key == again.run_key != tick(graph, instance).run_key


@pytest.mark.parametrize("status", UNDER_WAY)
def test_nothing_is_asked_for_while_a_run_is_under_way(graph: Graph, instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    graph.export(D2, 10)
    run = note(instance, tick(graph, instance), status)
    graph.export(D1, 10)

    assert tick(graph, instance) == f"run {run.run_id[:8]} is under way."


def test_a_run_that_the_daemon_never_launched_is_asked_for_again(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.export(D1, 10)
    request = tick(graph, instance)

    note(instance, request, dg.DagsterRunStatus.NOT_STARTED)

    assert tick(graph, instance).run_key == request.run_key


@pytest.mark.parametrize("status", [FAILURE, CANCELED, SUCCESS])
def test_what_came_to_nothing_is_left_alone_until_its_file_changes(
    graph: Graph, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    graph.export(D1, 10)
    run = note(instance, tick(graph, instance), status)

    said = tick(graph, instance)
    graph.export(D1, 20)

    how = f"is left alone after run {run.run_id[:8]} ({status.value.lower()}) until its inputs, code or contract change"
    assert said.split("; ")[:2] == [f"sensors.events {D1} {how}", f"sensors.readings_v1 {D1} {how}"]
    assert asked(graph, instance) == (["events", "readings_v1"], [D1, D1])


def test_of_a_range_that_failed_each_day_is_tried_alone(graph: Graph, instance: dg.DagsterInstance) -> None:
    for day in (D3, D2, D1):
        graph.export(day, 10)
    note(instance, tick(graph, instance), FAILURE)

    ranges = []
    while isinstance(request := tick(graph, instance), dg.RunRequest):
        ranges.append(days(request))
        note(instance, request, FAILURE)

    assert ranges == [[D3, D3], [D2, D2], [D1, D1]]


def test_what_failed_does_not_hold_up_the_next_batch(graph: Graph, instance: dg.DagsterInstance) -> None:
    for day in (D3, D1):
        graph.export(day, 10)
    note(instance, tick(graph, instance), FAILURE)

    assert asked(graph, instance) == (["events", "readings_v1"], [D1, D1])


def test_a_crashed_run_is_waited_for_until_dagster_has_tried_it_again(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.export(D1, 10)
    run = note(instance, tick(graph, instance), dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run)
    instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})
    before = AskedBefore(instance, "sensors_daily")

    assert tick(graph, instance) == f"run {run.run_id[:8]} is under way."
    assert before.under_way(time.time() + RETRIED_WITHIN + 1) is None


def test_code_that_is_changed_back_is_run_again(graph: Graph, instance: dg.DagsterInstance) -> None:
    change = ("avg(degrees)::BIGINT", "max(degrees)")
    graph.export(D1, 10)
    keys = []
    for before, after in ((change[0], change[0]), change, change[::-1]):
        graph.mesh.change(FILES["readings"], before, after)
        request = tick(graph, instance)
        keys.append(request.run_key)
        note(instance, request, SUCCESS)
        for key in (EVENTS, READINGS):
            graph.make(key, D1)

    assert len(set(keys)) == 3
    assert tick(graph, instance).startswith("sensors's events")


def test_a_consumer_says_what_it_waits_for(graph: Graph, instance: dg.DagsterInstance) -> None:
    assert tick(graph, instance, "reports") == "reports.totals@1 waits for sensors.readings@1: it has no snapshot yet."

    graph.make_all(*(D1 - timedelta(days=back) for back in range(1, 8)))

    assert tick(graph, instance, "reports") == f"reports.totals@1 {D1} waits for sensors.readings@1#0"


def test_when_everything_is_published_it_is_said(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.make_all(*(D1 - timedelta(days=back) for back in range(7)))

    assert tick(graph, instance) == tick(graph, instance, "reports") == "everything is published"


def test_a_domain_publishes_from_its_hour_on(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.mesh.change("domains/sensors/sensors/definitions.py", "00:00", "23:59")
    graph.export(D1, 10)

    said = tick(graph, instance)

    assert said == "sensors publishes from 23:59 UTC on." or f"{datetime.now(UTC):%H:%M}" == "23:59"
