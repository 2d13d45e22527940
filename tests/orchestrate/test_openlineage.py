"""OpenLineage events of real runs, as the official client writes them to files."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import datetime
from typing import Any

import pytest
from tests.small_mesh import SmallMesh

from dagmesh.orchestrate.openlineage import SETTING

READINGS, TOTALS = "sensors.readings@1", "reports.totals@1"


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh with an export of a day, its runs told to files."""
    monkeypatch.setenv(SETTING, "file")
    small_mesh.export("2026-01-01", 10, 20)
    return small_mesh


def events(mesh: SmallMesh, address: str) -> list[dict[str, Any]]:
    """The events of the runs of a product, in order."""
    files = sorted((mesh.mesh.home / "openlineage").glob(f"{address}.*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def assert_is_run_event(event: dict[str, Any]) -> None:
    """What OpenLineage's schema requires of a run event and of every facet."""
    assert event["eventType"] in ("START", "COMPLETE", "FAIL")
    assert datetime.fromisoformat(event["eventTime"]).tzinfo
    assert event["producer"].startswith("urn:dagmesh:")
    assert event["schemaURL"].endswith("OpenLineage.json#/$defs/RunEvent")
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    datasets = [*event["inputs"], *event["outputs"]]
    for place in (event["job"], *datasets):
        assert place["namespace"] == "dagmesh"
        assert place["name"]
    found = [place.get(kind, {}) for place in (event["run"], event["job"], *datasets) for kind in ("facets", "inputFacets", "outputFacets")]
    for facet in [facet for facets in found for facet in facets.values()]:
        assert facet["_producer"] == event["producer"]
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")


def test_a_run_tells_its_start_and_its_end_with_what_it_read_made_and_checked(mesh: SmallMesh) -> None:
    mesh.build("2026-01-01")

    start, end = events(mesh, READINGS)
    (made,), (read,) = end["outputs"], end["inputs"]
    assert_is_run_event(start)
    assert_is_run_event(end)
    assert [start["eventType"], end["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == end["run"]["runId"]
    assert (end["job"]["name"], made["name"], read["name"]) == (READINGS, READINGS, "sensors.events")
    assert [field["name"] for field in made["facets"]["schema"]["fields"]] == ["sensor", "read_on", "degrees"]
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert made["facets"]["version"]["datasetVersion"] == "0"
    assert end["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2026-01-01T00:00:00+00:00"
    checks = {check["assertion"]: check for check in made["facets"]["dataQualityAssertions"]["assertions"]}
    assert (checks["degrees__ge"]["success"], checks["degrees__ge"]["column"], checks["degrees__ge"]["severity"]) == (
        True,
        "degrees",
        "error",
    )


def test_datasets_of_one_product_have_one_name_in_all_domains(mesh: SmallMesh) -> None:
    mesh.build("2026-01-01")

    (read,) = events(mesh, TOTALS)[-1]["inputs"]
    (made,) = events(mesh, READINGS)[-1]["outputs"]

    assert (read["namespace"], read["name"]) == (made["namespace"], made["name"])
    assert read["facets"]["version"]["datasetVersion"] == made["facets"]["version"]["datasetVersion"]


def test_column_lineage_names_the_columns_of_the_inputs(mesh: SmallMesh) -> None:
    mesh.build("2026-01-01")

    lineage = events(mesh, TOTALS)[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]

    assert {(part["name"], part["field"]) for part in lineage["degrees"]["inputFields"]} >= {(READINGS, "degrees")}


def test_a_refused_run_fails_and_says_which_rule_was_broken(mesh: SmallMesh) -> None:
    mesh.export("2026-01-01", 10, -20)

    mesh.build("2026-01-01")

    end = events(mesh, READINGS)[-1]
    checks = {check["assertion"]: check["success"] for check in end["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]}
    assert_is_run_event(end)
    assert end["eventType"] == "FAIL"
    assert end["run"]["facets"]["errorMessage"]["message"] == "degrees >= 0"
    assert (checks["degrees__ge"], checks["sensor__not_null"]) == (False, True)
    assert "version" not in end["outputs"][0]["facets"]


def test_code_that_fails_is_told_with_its_error(mesh: SmallMesh) -> None:
    mesh.change("domains/sensors/sensors/products/readings.py", "SELECT sensor,", "SELECT nothing_like_it,")

    mesh.build("2026-01-01")

    start, end = events(mesh, READINGS)
    assert (start["eventType"], end["eventType"]) == ("START", "FAIL")
    assert "nothing_like_it" in end["run"]["facets"]["errorMessage"]["message"]


def test_without_the_setting_nothing_is_written(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING)

    mesh.build("2026-01-01")

    assert not (mesh.mesh.home / "openlineage").exists()


def test_events_that_cannot_be_written_do_not_stop_a_publication(mesh: SmallMesh, caplog: pytest.LogCaptureFixture) -> None:
    folder = mesh.mesh.home / "openlineage"
    file = "domains/sensors/sensors/products/readings.py"
    mesh.change(file, "    return dm.sql(", f"    import shutil; shutil.rmtree({str(folder)!r})\n    return dm.sql(")

    with caplog.at_level(logging.WARNING, "dagmesh"):
        mesh.build("2026-01-01")

    assert mesh.rows(READINGS)
    assert "sensors.readings@1: its COMPLETE was not told to OpenLineage: Failed to write to log file" in caplog.text


def test_an_unknown_setting_is_refused_before_anything_runs(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "yes")

    *_, run = [run for run in mesh.build("2026-01-01") if not run.success]

    assert any("DAGMESH_OPENLINEAGE='yes' is unknown; choose file or client, or unset it." in message for message in run.messages)
