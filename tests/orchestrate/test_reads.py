"""What a domain's runs read of another domain: on its grants, for the purpose its product says, and recorded; planning reads nothing."""

import json
from datetime import date

import pytest
import yaml
from tests.small_mesh import SmallMesh

MONDAY = "2026-01-05"
GRANT = {
    "consumer": "reports",
    "product": "readings",
    "majors": [1],
    "columns": ["sensor", "read_on", "degrees"],
    "rows": "sensor <> 's0'",
    "purpose": "Add them up.",
    "expires": "2099-12-31",
    "status": "approved",
    "approver": "team:sensors",
}
FILE = "domains/sensors/grants/reports.readings.yaml"


@pytest.fixture
def closed(small_mesh: SmallMesh) -> SmallMesh:
    """Readings of a day that serve nobody; totals says what it reads them for."""
    small_mesh.change("domains/sensors/sensors/products/readings.py", 'serves=["reports"]', "serves=[]")
    small_mesh.change(
        "domains/reports/reports/products/totals.py",
        '"sensors.readings@1"}',
        'dm.read("sensors.readings@1", purpose="Warm or not")}',
    )
    small_mesh.export(MONDAY, 10, 20)
    return small_mesh


def lines(mesh: SmallMesh) -> list[dict]:
    found = [line for path in sorted((mesh.lake.home / "reads").glob("*")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in found]


def records(mesh: SmallMesh) -> list[dict]:
    """The reads, without their ends."""
    return [line for line in lines(mesh) if "completes" not in line]


def test_a_run_reads_what_its_domain_was_granted_and_says_what_for(closed: SmallMesh) -> None:
    closed.write(FILE, yaml.safe_dump(GRANT))

    assert all(run.success for run in closed.build(MONDAY))

    (record,) = records(closed)
    assert (record["reader"], record["address"], record["days"]) == ("reports", "sensors.readings@1#0", [MONDAY])
    assert (record["purpose"], record["grant"], record["decision"]) == ("Warm or not", FILE, "allowed")
    assert [degrees for _, degrees in closed.rows("reports.totals@1")] == [20]


def test_a_run_says_who_it_is_and_completes_its_reads(closed: SmallMesh) -> None:
    closed.write(FILE, yaml.safe_dump(GRANT))

    closed.build(MONDAY)

    read, end = lines(closed)
    assert (read["principal"], read["via"], end["completes"], end["outcome"]) == ("dagster:reports", "dagster", read["query"], "complete")


def test_planning_is_no_read(closed: SmallMesh) -> None:
    closed.write(FILE, yaml.safe_dump(GRANT))
    closed.build(MONDAY)
    read = records(closed)

    assert closed.build(MONDAY) == []

    assert records(closed) == read


def test_what_a_domain_may_not_read_is_not_made_and_the_others_are(closed: SmallMesh) -> None:
    assert [run.domain for run in closed.build(MONDAY)] == ["sensors"]

    assert records(closed) == []


def test_a_run_that_is_refused_leaves_a_record(closed: SmallMesh) -> None:
    from dagmesh.model.address import Address
    from dagmesh.orchestrate.build import run_product

    closed.build(MONDAY)

    ran = list(run_product(closed.mesh, Address.parse("reports.totals"), date.fromisoformat(MONDAY), lambda step: None))

    assert not any(run.success for run in ran)
    assert "may not read sensors.readings@1" in "".join(message for run in ran for message in run.messages)
    assert {(record["reader"], record["decision"], record["purpose"]) for record in records(closed)} == {
        ("reports", "refused", "Warm or not")
    }
