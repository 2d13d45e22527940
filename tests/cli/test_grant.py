"""`dagmesh grant`: requests, approvals and their end are files that the command writes, and what it refuses to write."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, small_mesh

from dagmesh.cli import main

__all__ = ["small_mesh"]

FILE = "domains/sensors/grants/reports.readings.yaml"


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """Readings serve nobody and their temperatures are confidential; all of it is published for one day."""
    readings = "domains/sensors/sensors/products/readings.py"
    small_mesh.change(readings, 'serves=["reports"]', "serves=[]")
    small_mesh.change(readings, 'classification="internal"', 'classification="confidential"')
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def grant(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["grant", *arguments])


def ask(*more: str, address: str = "sensors.readings@1", reader: str = "reports") -> Result:
    return grant("request", address, "--as", reader, "--purpose", "Add them up.", "--until", "2099-06-30", *more)


def written(mesh: SmallMesh) -> dict:
    return yaml.safe_load((mesh.root / FILE).read_text())


def test_a_request_is_a_file_that_opens_nothing(mesh: SmallMesh) -> None:
    done = ask("--columns", "sensor, degrees", "--mask", "sensor=hash", "--rows", "degrees > 0")

    assert (done.exit_code, done.stdout) == (
        0,
        f"{FILE}: reports asks to see sensor (hash), degrees of sensors.readings@1 until 2099-06-30.\n",
    )
    assert done.stderr == ("Commit it and ask team:sensors: dagmesh grant approve reports.readings --by team:sensors\n")
    assert written(mesh) == {
        "consumer": "reports",
        "product": "readings",
        "majors": [1],
        "columns": ["sensor", "degrees"],
        "mask": {"sensor": "hash"},
        "rows": "degrees > 0",
        "purpose": "Add them up.",
        "expires": "2099-06-30",
        "status": "requested",
    }


def test_who_names_nothing_asks_for_what_is_not_restricted_for_a_year(mesh: SmallMesh) -> None:
    grant("request", "sensors.readings", "--as", "reports", "--purpose", "Add them up.")

    assert (written(mesh)["classes"], written(mesh)["majors"]) == (["internal"], [1])
    assert written(mesh)["expires"] == (datetime.now(UTC).date() + timedelta(days=365)).isoformat()


def test_the_owner_approves_and_revokes(mesh: SmallMesh) -> None:
    ask()

    approved = grant("approve", "reports.readings", "--by", "team:sensors")
    assert (written(mesh)["status"], written(mesh)["approver"]) == ("approved", "team:sensors")
    assert approved.stdout == f"{FILE}: reports sees every internal column of sensors.readings until 2099-06-30. Commit it.\n"

    revoked = grant("revoke", "reports.readings")
    assert written(mesh)["status"] == "revoked"
    assert revoked.stdout == f"{FILE}: revoked; it opens nothing from the next read on. Commit it.\n"


def test_nobody_but_the_owner_approves(mesh: SmallMesh) -> None:
    ask()

    refused = grant("approve", "reports.readings", "--by", "team:reports")

    assert (refused.exit_code, written(mesh)["status"]) == (7, "requested")
    assert refused.stderr == f"{FILE}: team:reports may not approve it; sensors.readings is owned by team:sensors.\n"


def test_from_a_refused_query_to_rows_and_back_every_step_names_the_next(mesh: SmallMesh) -> None:
    mesh.export("2026-01-05", 10, 20)
    mesh.build("2026-01-05")
    query = ["query", "--as", "reports", "select sensor, degrees from sensors.readings order by all", "--json"]

    before = CliRunner().invoke(main, query)
    assert (before.exit_code, before.stderr) == (
        3,
        "reports may not read sensors.readings@1 (confidential). "
        'Ask team:sensors: dagmesh grant request sensors.readings@1 --as reports --purpose "..."\n',
    )

    ask()
    waiting = CliRunner().invoke(main, query)
    assert waiting.stderr.endswith("Ask team:sensors: dagmesh grant approve reports.readings --by team:sensors\n")

    grant("approve", "reports.readings", "--by", "team:sensors")
    assert json.loads(CliRunner().invoke(main, query).stdout) == [
        {"sensor": "s0", "degrees": None},
        {"sensor": "s1", "degrees": None},
    ]

    grant("revoke", "reports.readings")
    assert CliRunner().invoke(main, query).exit_code == 3


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--columns", "degree"], 2, f"{FILE}: columns: no column 'degree' in readings@1; choose sensor, read_on or degrees. Did you"),
        (["--classes", "secret"], 2, f"{FILE}: classes: unknown classification 'secret'; write a list of public, internal"),
        (["--rows", "(select true)"], 2, f"{FILE}: rows: A condition looks at its own row alone; got SUBQUERY."),
        (["--columns", "degrees", "--mask", "degrees=hash"], 2, f"{FILE}: mask: hash works on text, and degrees is BIGINT; choose null."),
        (["--columns", "sensor", "--mask", "sensor=rot13"], 2, f"{FILE}: mask: unknown mask 'rot13'; choose none, partial, hash or null."),
        (["--mask", "sensor"], 2, "Error: --mask 'sensor' names no mask; write <column>=hash."),
    ],
)  # fmt: skip
def test_a_request_that_would_be_wrong_is_not_written(mesh: SmallMesh, more: list[str], code: int, said: str) -> None:
    refused = ask(*more)

    assert (refused.exit_code, (mesh.root / FILE).exists()) == (code, False)
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("address", "reader", "said"),
    [
        ("sensors.reading", "reports", "no product 'reading' in sensors. Did you mean 'readings'? See what is: dagmesh list\n"),
        ("sensors.readings@2", "reports", "sensors.readings@2 is not declared; sensors.readings has major 1.\n"),
        ("sensor.readings", "reports", "no domain 'sensor' in this mesh; choose sensors or reports. Did you mean 'sensors'?\n"),
        ("sensors.readings", "report", "no domain 'report' in this mesh; choose sensors or reports. Did you mean 'reports'?\n"),
    ],
)
def test_what_is_not_in_the_mesh_is_named_with_the_nearest(mesh: SmallMesh, address: str, reader: str, said: str) -> None:
    refused = ask(address=address, reader=reader)

    assert (refused.exit_code, refused.stderr) == (2, said)


def test_a_served_domain_is_told_which_columns_there_are_to_ask_for(mesh: SmallMesh) -> None:
    mesh.change("domains/sensors/sensors/products/readings.py", "serves=[]", 'serves=["reports"]')

    refused = ask()

    assert refused.exit_code == 2
    assert refused.stderr == (
        "sensors.readings@1 serves reports, which reads every column that is not restricted. Name those you need: --columns degrees\n"
    )


def test_a_request_does_not_take_a_standing_grant_away(mesh: SmallMesh) -> None:
    ask()
    grant("approve", "reports.readings", "--by", "team:sensors")

    refused = ask("--columns", "degrees")

    assert (refused.exit_code, written(mesh)["status"]) == (2, "approved")
    assert refused.stderr == (
        f"{FILE} is approved until 2099-06-30 and opens every internal column. "
        "Change the file, or take it back first: dagmesh grant revoke reports.readings\n"
    )


def test_an_unknown_grant_is_named_with_the_nearest(mesh: SmallMesh) -> None:
    ask()

    refused = grant("approve", "reports.reading", "--by", "team:sensors")

    assert (refused.exit_code, refused.stderr) == (
        2,
        "no grant 'reports.reading'. Did you mean 'reports.readings'? See them: dagmesh grant list\n",
    )


@pytest.mark.parametrize(
    ("before", "after", "state", "why"),
    [
        ("", "", "approved", ""),
        ("2099-06-30", "2020-06-30", "expired", "ended on 2020-06-30"),
        ("status: approved", "status: requested", "requested", "waits for team:sensors"),
        ("status: approved", "status: revoked", "revoked", "was revoked"),
        ("team:sensors", "team:reports", "void", "approved by team:reports, and the owner is team:sensors"),
        ("- internal", "- secret", "void", f"{FILE}: classes: unknown classification 'secret'; write a list of public, internal"),
        ("- 1", "- 7", "void", "no product of its majors"),
    ],
)
def test_the_list_says_whether_each_grant_holds_and_why_not(mesh: SmallMesh, before: str, after: str, state: str, why: str) -> None:
    ask()
    grant("approve", "reports.readings", "--by", "team:sensors")
    mesh.change(FILE, before, after)

    (entry,) = json.loads(grant("list", "--json").stdout)

    assert (entry["state"], entry["why"][: len(why)]) == (state, why)
    assert bool(entry["why"]) == bool(why)


def test_the_list_is_a_table_of_one_domain_or_all(mesh: SmallMesh) -> None:
    ask("--columns", "degrees")

    lines = grant("list").stdout.splitlines()

    assert [" ".join(line.split()) for line in lines] == [
        "grant majors opens rows purpose expires state why",
        "reports on sensors.readings 1 degrees Add them up. 2099-06-30 requested waits for team:sensors",
    ]
    assert grant("list", "--domain", "reports").stdout.splitlines() == ["  ".join(lines[0].split())]


def test_two_producers_grants_of_one_name_are_told_apart_by_the_domain(mesh: SmallMesh) -> None:
    ask()
    other = mesh.root / "domains/reports/grants/reports.readings.yaml"
    other.parent.mkdir()
    other.write_text(Path(FILE).read_text())

    refused = grant("approve", "reports.readings", "--by", "team:sensors")
    approved = grant("approve", "reports.readings", "--by", "team:sensors", "--domain", "sensors")

    assert refused.stderr.endswith(f"Error: {other.relative_to(mesh.root)} or {FILE}: say which with --domain.\n")
    assert (approved.exit_code, written(mesh)["status"]) == (0, "approved")
