"""The nightly housekeeping: retention is kept by a schedule that runs by default."""

import fcntl
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from tests.event_mesh import DAYS, EventMesh, event, event_mesh, events_of
from tests.small_mesh import SmallMesh, forget

from dagmesh.events.segment import segments
from dagmesh.model.address import Address

__all__ = ["event_mesh"]
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


def test_events_older_than_a_day_are_sealed_every_night(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built()
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    fresh = event(1, today, "ReaderMoved", "r1", town="Hull") | {"time": datetime.now(UTC).isoformat()}
    event_mesh.hand_over(DAYS[1], [*events_of(DAYS[1]), fresh])
    event_mesh.build(*DAYS)

    housekeeping(event_mesh)

    assert [(segment.first, segment.last) for segment in segments(event_mesh.private / "events/segments")] == [(1, 13)]
    housekeeping(event_mesh)
    assert len(segments(event_mesh.private / "events/segments")) == 1


def test_states_of_definitions_that_no_product_has_are_removed_unless_open(event_mesh: EventMesh) -> None:
    event_mesh.handed_over_and_built(DAYS[0])
    kept = sorted(event_mesh.private.glob("projections/*/*"))
    old = [event_mesh.private / "projections" / name for name in ("towns.v1/0123", "gone.v1/0123", ".again/0123", "loans.v1/4567")]
    for folder in old:
        folder.mkdir(parents=True)
        (folder / "things.duckdb").write_bytes(b"opened values")
    with (old[-1] / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        housekeeping(event_mesh)

        assert sorted(event_mesh.private.glob("projections/*/*")) == sorted([*kept, old[-1]])
    housekeeping(event_mesh)
    assert sorted(event_mesh.private.glob("projections/*/*")) == kept
    assert event_mesh.build(DAYS[0]) == []


def housekeeping(mesh: EventMesh) -> None:
    forget()
    definitions: dg.Definitions = mesh.mesh.location("library").load()()
    assert definitions.resolve_job_def("library_housekeeping").execute_in_process().success
