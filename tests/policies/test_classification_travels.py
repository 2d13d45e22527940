"""A restricted column stays restricted in whatever is made of it: found by a check of the files, and again before it is published."""

import pytest
from tests.policies.conftest import READINGS_FILE, TOTALS_FILE, wrong
from tests.small_mesh import SmallMesh

SENSOR = 'sensor: str = dm.field(key=True, description="Name on the housing.")'
PII = SENSOR.replace("key=True,", 'key=True, classification="pii", purpose="Calling its keeper.", mask="null",')
COUNT = 'sensor_count: int = dm.field(unit="sensors", description="How many read anything.")'
FIRST = 'first_sensor: str = dm.field(description="The first of them."{more})'
MESSAGE = (
    "reports.totals@1: column 'first_sensor' is internal, and comes from sensors.readings.sensor (pii); "
    'classify it pii, or say declassified="why".'
)


@pytest.fixture
def showing(policed: SmallMesh) -> SmallMesh:
    """A mesh where reports.totals shows a column of sensors.readings that is pii."""
    policed.change(READINGS_FILE, SENSOR, PII)
    policed.change(TOTALS_FILE, COUNT, f"{COUNT}\n    {FIRST.format(more='')}")
    policed.change(TOTALS_FILE, "count(*) AS sensor_count", "count(*) AS sensor_count, min(sensor) AS first_sensor")
    return policed


def found(mesh: SmallMesh) -> list[str]:
    return [one.message for one in wrong(mesh) if one.rule == "classification_travels"]


def test_a_column_that_shows_personal_data_is_found_in_the_files(showing: SmallMesh) -> None:
    (one,) = [one for one in wrong(showing) if one.rule == "classification_travels"]

    assert (one.severity, one.file, one.message) == ("error", TOTALS_FILE, MESSAGE)


def test_a_column_that_shows_personal_data_is_not_published(showing: SmallMesh) -> None:
    showing.export("2026-11-01", 10, 20)

    runs = showing.build("2026-11-01")

    failed = [run for run in runs if not run.success]
    assert [run.domain for run in failed] == ["reports"]
    assert MESSAGE in failed[0].messages[0]


@pytest.mark.parametrize("more", [', classification="pii", purpose="Calling.", mask="null"', ', declassified="A letter says nothing."'])
def test_a_column_that_is_as_restricted_or_says_why_not_may_show_it(showing: SmallMesh, more: str) -> None:
    showing.change(TOTALS_FILE, FIRST.format(more=""), FIRST.format(more=more))

    assert found(showing) == []


def test_a_count_of_personal_data_shows_none(showing: SmallMesh) -> None:
    showing.change(TOTALS_FILE, "min(sensor) AS first_sensor", "count(DISTINCT sensor)::VARCHAR AS first_sensor")

    assert found(showing) == []


def test_a_product_in_pandas_is_judged_by_the_names_of_its_columns(showing: SmallMesh) -> None:
    showing.change(TOTALS_FILE, "import duckdb", "import duckdb\nimport pandas as pd")
    showing.change(TOTALS_FILE, "readings: duckdb.DuckDBPyRelation", "readings: pd.DataFrame")
    showing.change(TOTALS_FILE, "first_sensor: str", "sensor: str")

    assert found(showing) == [MESSAGE.replace("first_sensor", "sensor")]
