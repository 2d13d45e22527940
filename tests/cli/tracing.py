"""A small mesh whose readings are a projection of events, as the tests of `dagmesh trace` want it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, forget

from dagmesh.cli import main

EVENTS = '''"""What sensors tell."""
import dagmesh as dm

TEXT = {"type": "string"}
SAID = {"sensor": TEXT, "degrees": {"type": "integer"}, "reading": TEXT}
EVENTS = [
    dm.EventType("Read", 1, {"type": "object", "properties": SAID, "required": ["sensor"]}),
    dm.EventType("Withdrawn", 1, {"type": "object", "properties": {"reading": TEXT}}),
]
'''
SOURCES = '''"""Events of a day."""
import dagster as dg
import dagmesh as dm

FILES = f"{dm.exports('sensors')}/{{day}}.jsonl"


@dg.asset(partitions_def=dm.daily("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run(), metadata=dm.files(FILES))
def events(context: dg.AssetExecutionContext, events: dm.EventStoreResource) -> dm.Arrivals:
    """Events by the day they were handed over."""
    return events.feed_json_lines(FILES, dm.days_of(context))
'''
READINGS = '''"""What each sensor read, a day at a time."""
from datetime import date
import dagmesh as dm


class Readings(dm.Contract):
    """One row per sensor and day."""

    sensor: str = dm.field(key=True, description="The sensor's name.")
    read_on: date = dm.field(key=True, description="UTC day.")
    degrees: int = dm.field(unit="degrees", classification="internal", description="All its readings together.")
    highest: int = dm.field(unit="degrees", classification="internal", description="The highest reading.")


@dm.data_product(
    contract=Readings,
    version="1.0.0",
    serves=["reports"],
    promise=dm.Promise(min_completeness=0.9),
    partitioned_by="read_on",
)
def readings(events: dm.Events) -> dm.Projection:
    """Sum up each sensor's readings that stand."""
    reading = dm.entity(
        "reading",
        sensor=dm.first(Read="sensor"),
        read_at=dm.first(Read="time"),
        degrees=dm.last(Read="degrees"),
        withdrawn=dm.count("Withdrawn"),
    )
    return dm.projection(
        events,
        of=reading,
        where="withdrawn = 0",
        by={"sensor": "sensor", "read_on": "CAST(read_at AS DATE)"},
        columns={"degrees": dm.sum("degrees"), "highest": dm.max("degrees")},
    )
'''
DAY = "2026-11-18"


def said(number: int, type: str, reading: str, hour: int, **data: Any) -> str:
    """An event as a line of an export."""
    envelope = {"id": f"e{number}", "type": type, "subject": f"readings/{reading}", "time": f"{DAY}T{hour:02}:00:00Z"}
    return json.dumps({**envelope, "data": {"reading": reading, **data}})


FIRST = [
    said(1, "Read", "r1", 8, sensor="north", degrees=4),
    said(2, "Read", "r2", 9, sensor="north", degrees=9),
    said(3, "Read", "r3", 9, sensor="south", degrees=20),
    said(4, "Withdrawn", "r2", 11),
    said(5, "Read", "r4", 12, sensor="north", degrees=7),
]
LATE = said(6, "Withdrawn", "r1", 10)


def make_tracing_mesh(mesh: SmallMesh) -> SmallMesh:
    """The mesh with the first events published."""
    mesh.write("domains/sensors/sensors/events.py", EVENTS)
    mesh.write("domains/sensors/sensors/sources.py", SOURCES)
    mesh.write("domains/sensors/sensors/products/readings.py", READINGS)
    hand_over(mesh, *FIRST)
    mesh.build(DAY)
    return mesh


def hand_over(mesh: SmallMesh, *lines: str) -> None:
    """The day's export, with these events."""
    mesh.write(f".dagmesh/exports/sensors/{DAY}.jsonl", "\n".join([*lines, ""]))


@pytest.fixture
def tracing_mesh(monkeypatch: pytest.MonkeyPatch, small_mesh: SmallMesh) -> SmallMesh:
    """The small mesh of events, the working directory in it."""
    monkeypatch.chdir(small_mesh.root)
    return make_tracing_mesh(small_mesh)


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)
