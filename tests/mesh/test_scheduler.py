"""What happens by itself under `dagmesh up`: days are published when their inputs are, once, and again when those change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.running_mesh import Run, RunningMesh, running, until
from tests.small_mesh import make_small_mesh

from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address

D4, D3, D2, D1 = (datetime.now(UTC).date() - timedelta(days=back) for back in (4, 3, 2, 1))
LONG_AGO = [datetime.now(UTC).date() - timedelta(days=back) for back in (32, 31, 30)]
NEVER = [datetime.now(UTC).date() - timedelta(days=back) for back in (35, 34)]

DIES_ONCE = """    if Path("alive").exists():
        Path("alive").unlink()
        os.kill(os.getpid(), 9)
"""

pytestmark = pytest.mark.slow  # a whole mesh, for a minute


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """A running mesh with nothing to do, whose sensors tick as often as Dagster's daemon looks at them."""
    small = make_small_mesh(tmp_path_factory.mktemp("scheduler") / "mesh")
    for domain in ("sensors", "reports"):
        often = "from dagmesh.orchestrate import sensor\n\nsensor.SECONDS = 1\n"
        small.change(f"domains/{domain}/{domain}/definitions.py", "import dagmesh as dm\n", f"import dagmesh as dm\n{often}")
    with running(small) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def backfill(mesh: RunningMesh) -> str:
    """A backfill of a range of days that no sensor looks at, started in the web interface; the daemon takes its time."""
    for day in LONG_AGO:
        export(mesh, day, 10, day.day)
    return mesh.backfill("sensors", "events", "readings_v1", days=LONG_AGO)


@pytest.fixture(scope="module")
def morning(mesh: RunningMesh, backfill: str) -> dict[str, Snapshot]:
    """Three exports have appeared, the oldest of bad rows; the snapshots after everyone has done what can be done."""
    export(mesh, D3, 10, -5)
    export(mesh, D2, 10, 20)
    export(mesh, D1, 1, 2)
    until(lambda: {D2, D1} <= set(days(mesh, "reports.totals@1")))
    return {address: snapshot(mesh, address) for address in ("sensors.readings@1", "reports.totals@1")}


@pytest.fixture(scope="module")
def backfill_in_vain(mesh: RunningMesh, morning: dict[str, Snapshot]) -> str:
    """A backfill of a consumer for days that its input does not have."""
    return mesh.backfill("reports", "totals_v1", days=NEVER)


@pytest.fixture(scope="module")
def refused_again(mesh: RunningMesh, backfill_in_vain: str) -> list[Run]:
    """The runs of the bad day after the sensor has ticked once more."""
    at, _ = mesh.tick("sensors")
    until(lambda: mesh.tick("sensors")[0] > at and "is refused" in mesh.tick("sensors")[1])
    return runs_of(mesh, D3)


@pytest.fixture(scope="module")
def afternoon(mesh: RunningMesh, refused_again: list[Run]) -> dict[str, Snapshot]:
    """The bad day was mended and another exported again; the snapshots after everyone has done what can be done."""
    export(mesh, D3, 10, 5)
    export(mesh, D2, 30, 40)
    until(lambda: mesh.small.rows("reports.totals")[-3:] == [(D3, 15), (D2, 70), (D1, 3)])
    return {address: snapshot(mesh, address) for address in ("sensors.readings@1", "reports.totals@1")}


def export(mesh: RunningMesh, day: date, *degrees: int) -> None:
    mesh.small.export(day.isoformat(), *degrees)


def snapshot(mesh: RunningMesh, address: str) -> Snapshot:
    return mesh.small.lake.table(Address.parse(address)).snapshot()


def days(mesh: RunningMesh, address: str) -> dict[date | None, str]:
    return mesh.small.lake.table(Address.parse(address)).fingerprints()


def runs_of(mesh: RunningMesh, day: date) -> list[Run]:
    return [run for run in mesh.runs("sensors") if run.makes("readings_v1", day)]


def test_an_export_that_appears_is_published_without_anyone_asking(mesh: RunningMesh, morning: dict[str, Snapshot]) -> None:
    assert set(morning["sensors.readings@1"].days) - set(LONG_AGO) == {D2, D1}
    assert {run.tags.get("dagster/sensor_name") for run in mesh.runs("sensors") if run.makes("readings_v1", D1)} == {"sensors_daily"}


def test_a_consumer_in_another_code_location_follows_the_publication(mesh: RunningMesh, morning: dict[str, Snapshot]) -> None:
    totals = morning["reports.totals@1"].publication
    run = mesh.finished(totals.run_id)
    read = mesh.small.lake.table(Address.parse("sensors.readings@1")).snapshot(totals.inputs["readings"]["snapshot"])

    assert (run.status, run.tags["dagster/sensor_name"], run.makes("totals_v1", D1)) == ("SUCCESS", "reports_daily", True)
    assert D1 in read.days
    assert run.started > read.publication.published_at.timestamp()


def test_a_consumer_says_what_it_waits_for(mesh: RunningMesh, morning: dict[str, Snapshot]) -> None:
    until(lambda: f"reports.totals@1 {D4} waits for sensors.readings@1#" in mesh.tick("reports")[1])


def test_a_refused_day_is_run_once_until_its_file_changes(
    mesh: RunningMesh, refused_again: list[Run], afternoon: dict[str, Snapshot]
) -> None:
    assert [run.status for run in refused_again] == ["FAILURE"]
    assert [run.status for run in runs_of(mesh, D3)] == ["SUCCESS", "FAILURE"]
    assert D3 in afternoon["sensors.readings@1"].days


def test_a_day_that_is_exported_again_is_published_again_and_replaces_exactly_itself(
    morning: dict[str, Snapshot], afternoon: dict[str, Snapshot]
) -> None:
    for address, before in morning.items():
        assert {day for day, digest in before.day_digests.items() if afternoon[address].day_digests[day] != digest} == {D2}
        assert {file for file in before.files if file.day == D1} <= set(afternoon[address].files)


def test_a_backfill_in_the_ui_publishes_each_day_of_a_range_in_one_run(mesh: RunningMesh, backfill: str) -> None:
    (run,) = mesh.runs_of_backfill("sensors", backfill)

    assert (run.status, run.days) == ("SUCCESS", (LONG_AGO[0], LONG_AGO[-1]))
    assert set(LONG_AGO) <= set(snapshot(mesh, "sensors.readings@1").days)


def test_a_range_pressed_in_the_ui_is_published_in_one_run(mesh: RunningMesh, backfill: str) -> None:
    mesh.runs_of_backfill("sensors", backfill)

    run = mesh.finished(mesh.press("reports", "totals_v1", days=LONG_AGO))

    assert run.status == "SUCCESS", mesh.said(run.run_id)
    assert set(LONG_AGO) <= set(days(mesh, "reports.totals@1"))


def test_a_consumer_backfilled_for_days_that_are_not_there_says_for_what_it_waits(mesh: RunningMesh, backfill_in_vain: str) -> None:
    (run,) = mesh.runs_of_backfill("reports", backfill_in_vain)

    assert run.status == "FAILURE"
    for day in NEVER:
        assert f"reports.totals@1 {day} waits for sensors.readings@1#" in mesh.said(run.run_id)


def test_a_consumer_pressed_for_a_day_that_is_not_there_says_for_what_it_waits(mesh: RunningMesh, morning: dict[str, Snapshot]) -> None:
    run = mesh.finished(mesh.press("reports", "totals_v1", days=NEVER[:1]))

    assert run.status == "FAILURE"
    assert f"reports.totals@1 {NEVER[0]} waits for sensors.readings@1#" in mesh.said(run.run_id)


def test_a_run_whose_process_is_killed_is_tried_again_by_itself(tmp_path: Path) -> None:
    small = make_small_mesh(tmp_path / "mesh")
    product = "domains/sensors/sensors/products/readings.py"
    small.change(product, "from datetime import date\n", "import os\nfrom datetime import date\nfrom pathlib import Path\n")
    small.change(product, "    return dm.sql(", DIES_ONCE + "    return dm.sql(")
    small.write("domains/sensors/alive", "")
    small.export(D1.isoformat(), 10, 20)

    with running(small) as mesh:
        until(lambda: [run.status for run in mesh.runs("sensors")] == ["SUCCESS", "FAILURE"])

        assert [row[2] for row in small.rows("sensors.readings")] == [10, 20]
        assert {run.tags["dagster/sensor_name"] for run in mesh.runs("sensors")} == {"sensors_daily"}
