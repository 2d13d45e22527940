"""What stops a publication before it begins, on a real lake; and two majors of one product side by side."""

from datetime import date

import pytest
from tests.small_mesh import SmallMesh

FILE = "domains/sensors/sensors/products/readings.py"
DEGREES = '    degrees: int = dm.field(ge=0, unit="degrees", classification="internal", description="Mean temperature.")\n'
SHIM = '''"""What each sensor read, a day at a time, as it was before there were tenths."""
from datetime import date
import duckdb
import dagmesh as dm


class OldReadings(dm.Contract):
    """One row per sensor and day."""

    sensor: str = dm.field(key=True, description="The sensor's name.")
    read_on: date = dm.field(key=True, description="UTC day.")
    degrees: int = dm.field(ge=0, unit="degrees", classification="internal", description="Mean temperature.")


@dm.data_product(
    contract=OldReadings,
    version="1.1.0",
    name="readings",
    serves=["reports"],
    promise=dm.Promise(min_completeness=0.9),
    partitioned_by="read_on",
    reads={"v2": "sensors.readings@2"},
    sunset=date(2027, 6, 30),
)
def old_readings(v2: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Round the tenths."""
    return dm.sql("SELECT sensor, read_on, (tenths // 10)::BIGINT AS degrees FROM v2", v2=v2)
'''


@pytest.fixture
def published(small_mesh: SmallMesh) -> SmallMesh:
    """The small mesh with two days published and totals that read them."""
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    small_mesh.export("2026-11-02", 30, 40)
    return small_mesh


def in_tenths(mesh: SmallMesh) -> str:
    """The readings' file as the next major has it: tenths of degrees in the place of degrees."""
    text = (mesh.root / FILE).read_text()
    text = text.replace(DEGREES, DEGREES.replace("degrees:", "tenths:").replace('unit="degrees"', 'unit="0.1 degrees"'))
    return text.replace("avg(degrees)::BIGINT AS degrees", "(avg(degrees) * 10)::BIGINT AS tenths")


def test_a_broken_contract_without_a_major_version_is_not_published(published: SmallMesh) -> None:
    published.write(FILE, in_tenths(published))

    (run,) = [run for run in published.build("2026-11-01", "2026-11-02") if not run.success]

    assert run.messages == (
        "sensors.readings 1.0.0 -> 1.0.0 removes column 'degrees' (breaking: reports.totals reads it). Release 2.0.0, or keep the column.",
    )
    assert published.rows("sensors.readings@1") == [("s0", date(2026, 11, 1), 10), ("s1", date(2026, 11, 1), 20)]


def test_a_minor_version_does_not_make_a_broken_contract_whole(published: SmallMesh) -> None:
    published.write(FILE, in_tenths(published).replace('"1.0.0"', '"1.1.0"'))

    (run,) = [run for run in published.build("2026-11-02") if not run.success]

    assert run.messages == (
        "sensors.readings 1.0.0 -> 1.1.0 removes column 'degrees' (breaking: reports.totals reads it). Release 2.0.0, or keep the column.",
    )
    assert published.lake.table(published.lake.addresses()[1]).snapshot().version == 0


def test_what_is_only_added_is_published_whatever_its_version(published: SmallMesh) -> None:
    published.change(FILE, DEGREES, f'{DEGREES}    unit: str = dm.field(description="Unit.")\n')
    published.change(FILE, "AS degrees", "AS degrees, 'C' AS unit")

    runs = published.build("2026-11-02")

    assert all(run.success for run in runs), runs
    assert published.rows("sensors.readings@1")[-1][-1] == "C"


def test_two_majors_live_side_by_side_and_a_shim_serves_the_readers_of_the_old_one(published: SmallMesh) -> None:
    published.write("domains/sensors/sensors/products/readings_in_tenths.py", in_tenths(published).replace('"1.0.0"', '"2.0.0"'))
    published.write(FILE, SHIM)

    runs = published.build("2026-11-01", "2026-11-02")

    assert all(run.success for run in runs), runs
    assert [str(address) for address in published.lake.addresses()] == ["reports.totals@1", "sensors.readings@1", "sensors.readings@2"]
    assert published.rows("sensors.readings@2")[-1] == ("s1", date(2026, 11, 2), 400)
    assert published.rows("sensors.readings@1", reader="reports")[-1] == ("s1", date(2026, 11, 2), 40)
    assert published.rows("reports.totals@1") == [(date(2026, 11, 1), 30), (date(2026, 11, 2), 70)]
    assert published.lake.table(published.lake.addresses()[1]).snapshot().publication.inputs["v2"]["address"] == "sensors.readings@2"
