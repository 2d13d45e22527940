"""The mission's own product specification, written as a product file: every attribute is there, here and in the open standards.

mission_completion_rate: owner team-operations, parquet, schema v2.1, published daily at 08:00, at most 4 hours old, at least 95 %
complete, a documentation URL, two inputs, two consuming teams.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.small_mesh import SmallMesh, forget, make_small_mesh

from dagmesh.model.odcs import from_odcs, to_odcs
from dagmesh.model.odps import from_odps, to_odps
from dagmesh.model.promise import duration
from dagmesh.model.yaml_text import yaml_text

SPECIFICATION = '''"""How many of each day's missions were completed."""

from datetime import date

import duckdb

import dagmesh as dm


class MissionCompletionRate(dm.Contract):
    """One row per UTC day."""

    mission_date: date = dm.field(key=True, description="UTC day.")
    completion_rate: float = dm.field(ge=0, le=1, description="Completed missions / all missions.")


@dm.data_product(
    contract=MissionCompletionRate,
    version="2.1.0",
    owner="team:team-operations",
    output_format="parquet",
    partitioned_by="mission_date",
    promise=dm.Promise(available_by="08:00", max_lag="4h", min_completeness=0.95),
    documentation="https://docs.example.org/missions/completion_rate",
    reads={"mission_logs": "fleet.mission_logs@1", "plans": dm.read("planning.mission_plans@3", days=2)},
    serves=["team_analytics", "team_planning"],
)
def mission_completion_rate(mission_logs: duckdb.DuckDBPyRelation, plans: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Divide the completed missions by the planned ones."""
    return dm.sql("SELECT NULL::DATE AS mission_date, 0.0 AS completion_rate FROM mission_logs", mission_logs=mission_logs)
'''


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The product as it is described, loaded from a file of a domain."""
    monkeypatch.syspath_prepend(str(tmp_path))
    mesh: SmallMesh = make_small_mesh(tmp_path / "mesh")
    mesh.write("domains/sensors/sensors/products/mission_completion_rate.py", SPECIFICATION)
    forget()
    found = {product.name: product for product in mesh.mesh.location("sensors").load().products}
    yield found["mission_completion_rate"].describe()
    forget()


def test_the_product_says_every_attribute_of_the_specification(described: dict[str, Any]) -> None:
    promise = described["promise"]

    assert described["name"] == "mission_completion_rate"
    assert described["owner"] == "team:team-operations"
    assert described["output_format"] == "parquet"
    assert described["version"] == "2.1.0"
    assert described["description"] == "How many of each day's missions were completed."
    assert described["partitioned_by"] == "mission_date"
    assert (promise["available_by"], promise["timezone"]) == ("08:00", "UTC")
    assert duration(promise["max_lag"]).total_seconds() == 4 * 3600
    assert promise["min_completeness"] == 0.95
    assert described["documentation"] == "https://docs.example.org/missions/completion_rate"
    assert [read["source"] for read in described["reads"]] == ["fleet.mission_logs@1", "planning.mission_plans@3"]
    assert described["serves"] == ["team_analytics", "team_planning"]


def test_the_open_data_contract_says_every_attribute_and_gives_them_back(described: dict[str, Any]) -> None:
    document = yaml.safe_load(yaml_text(to_odcs(described)))
    levels = {level["property"]: level for level in document["slaProperties"]}
    (link,) = document["authoritativeDefinitions"]

    assert (document["name"], document["version"]) == ("mission_completion_rate", "2.1.0")
    assert document["team"] == {"name": "team-operations"}
    assert document["servers"][0]["format"] == "parquet"
    assert document["description"]["purpose"] == described["description"]
    assert levels["timeOfAvailability"]["value"] == "08:00"
    assert (levels["latency"]["value"], levels["latency"]["unit"]) == (4, "h")
    assert levels["completeness"]["value"] == 0.95
    assert link["url"] == described["documentation"]
    assert [role["role"] for role in document["roles"]] == ["team_analytics", "team_planning"]
    assert from_odcs(document) == described


def test_the_open_data_product_says_every_attribute_and_gives_them_back(described: dict[str, Any]) -> None:
    document = yaml.safe_load(yaml_text(to_odps(described)))
    (port,) = document["outputPorts"]

    assert (document["name"], port["version"], port["type"]) == ("mission_completion_rate", "2.1.0", "parquet")
    assert document["team"] == {"name": "team-operations"}
    assert [port["name"] for port in document["inputPorts"]] == ["fleet.mission_logs@1", "planning.mission_plans@3"]
    assert document["authoritativeDefinitions"][0]["url"] == described["documentation"]
    assert from_odps(document) | {"contract": described["contract"]} == described


def test_the_day_of_the_specification_is_due_the_next_morning_at_eight(described: dict[str, Any]) -> None:
    from dagmesh.model.promise import Promise

    due = Promise(**described["promise"]).due(date(2026, 11, 20))

    assert f"{due:%Y-%m-%d %H:%M %Z}" == "2026-11-21 08:00 UTC"
