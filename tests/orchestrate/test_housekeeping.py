"""The nightly housekeeping: retention is kept by a schedule that runs by default."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from tests.small_mesh import SmallMesh

from dagmesh.model.address import Address

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
READINGS = Address("sensors", "readings", 1)


def test_the_schedule_runs_by_default_and_keeps_the_promised_retention(small_mesh: SmallMesh) -> None:
    small_mesh.change("domains/sensors/sensors/products/readings.py", "min_completeness=0.9", 'min_completeness=0.9, retention="7d"')
    for day in (date(2026, 3, 1), YESTERDAY):
        small_mesh.export(day.isoformat(), 10, 20)
        small_mesh.build(day.isoformat())
    definitions: dg.Definitions = small_mesh.mesh.location("sensors").load()()

    (schedule,) = definitions.schedules
    done = definitions.resolve_job_def("sensors_housekeeping").execute_in_process()

    assert (schedule.name, schedule.default_status) == ("sensors_nightly", dg.DefaultScheduleStatus.RUNNING)
    assert done.success
    snapshot = small_mesh.lake.table(READINGS).snapshot()
    assert (snapshot.publication.kind, list(snapshot.days)) == ("expire", [YESTERDAY])
