"""`dagmesh audit explain`: each rule's way and time on the newest snapshot, for people and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, forget, small_mesh

from dagmesh.cli import main

__all__ = ["small_mesh"]  # a fixture of this module too


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def dagmesh(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, arguments)


def test_the_plan_is_printed_with_a_line_for_each_rule(mesh: SmallMesh) -> None:
    mesh.export("2026-11-18", 10, 20)
    mesh.build("2026-11-18")

    plain, found = dagmesh("audit", "explain", "sensors.readings"), dagmesh("audit", "explain", "sensors.readings@1", "--json")

    told = json.loads(found.stdout)
    assert (told["snapshot"], told["rows"], told["files"]) == ("sensors.readings@1#0", 2, 1)
    assert {cost["way"] for cost in told["costs"]} <= {"fused", "hash"}
    lines = plain.stdout.splitlines()
    assert lines[0] == "sensors.readings@1#0: 2 rows in 1 file"
    assert [line.split()[0] for line in lines[3:-2]] == [cost["rule"] for cost in told["costs"]]
    assert lines[-1].startswith("the plan: ")


def test_a_product_without_snapshot_and_one_that_is_none_are_said(mesh: SmallMesh) -> None:
    none, unknown = dagmesh("audit", "explain", "sensors.readings"), dagmesh("audit", "explain", "sensors.reading")

    assert none.exit_code == 4
    assert (unknown.exit_code, "Did you mean" in unknown.stderr) == (2, True), unknown.stderr
