"""One tick of a domain's sensor: what it asks for, what it leaves alone, and what it says meanwhile."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG

from dagmesh.orchestrate.private_assets import private_assets, private_tables
from dagmesh.orchestrate.sensor import daily_sensor
from tests.orchestrate.graph import EVENTS, FILES, READINGS, Graph

TODAY = datetime.now(UTC).date()
BEFORE_YESTERDAY, YESTERDAY = TODAY - timedelta(days=2), TODAY - timedelta(days=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(graph: Graph, instance: dg.DagsterInstance, domain: str = "sensors") -> dg.RunRequest | str:
    """What one tick of the domain's sensor asks for, or why it asks for nothing."""
    nodes = graph.nodes  # loads the modules anew
    loaded = graph.mesh.mesh.location(domain).load()
    assert nodes
    sensor = daily_sensor(loaded, private_tables(domain, private_assets(loaded)), graph.mesh.mesh)
    asked = sensor(dg.build_sensor_context(instance=instance))
    return asked if isinstance(asked, dg.RunRequest) else asked.skip_message


def note(
    instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus, domain: str = "sensors", **tags: str
) -> None:
    """Note a run for the request, as the daemon does, that came to this status now."""
    said = {"dagster/sensor_name": f"{domain}_daily", "dagster/run_key": request.run_key, **tags}
    run = instance.create_run_for_job(dg.job(name="any")(lambda: None), tags=said) if False else None
    assert run is None
    with_status(instance, said, status)


def with_status(instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus) -> None:
    run = dg.DagsterRun(job_name="__ASSET_JOB", run_id=dg._core.utils.make_new_run_id(), tags=tags, status=status)
    instance.add_run(run)


def days(request: dg.RunRequest) -> list[str]:
    return [request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]]
