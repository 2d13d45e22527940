"""`dagmesh token`: a token is printed once, whom it stands for is a line under review, and its end is at once."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.small_mesh import SmallMesh, small_mesh

from dagmesh.cli import main

__all__ = ["small_mesh"]

FILE = "platform/principals.yaml"
TEXT = re.compile(r"dagmesh_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_first_token_adds_the_line_that_says_in_whose_name_it_reads(mesh: SmallMesh) -> None:
    done = run("token", "create", "anna", "--as", "reports", "--role", "owner", "--days", "7", "--scope", "query")

    assert done.exit_code == 0, done.output
    assert TEXT.fullmatch(done.stdout)
    assert re.fullmatch(
        r"Keep it safe: it is not shown again. It is for query until [\d-]{10} [\d:]{8} UTC.\n"
        rf"{FILE}: token anna reads as reports. Commit it.\n",
        done.stderr,
    )
    assert (mesh.root / FILE).read_text() == (
        "# Who may ask, and in whose name each reads; a change here is reviewed like code. See docs/identity.md\n"
        "principals:\n  - token: anna\n    reader: reports\n    kind: person\n    roles:\n      - owner\n"
    )


def test_a_second_token_of_a_name_needs_no_more_words_and_changes_no_file(mesh: SmallMesh) -> None:
    first = run("token", "create", "anna", "--as", "reports").stdout
    before = (mesh.root / FILE).read_text()

    second = run("token", "create", "anna")

    assert second.exit_code == 0, second.output
    assert second.stdout != first
    assert (mesh.root / FILE).read_text() == before


def test_what_people_wrote_into_the_file_stays(mesh: SmallMesh) -> None:
    written = "# ours\nissuers: []  # none yet\nprincipals:\n  - {token: bob, reader: sensors}  # since June\n"
    mesh.write(FILE, written)

    done = run("token", "create", "anna", "--as", "analyst", "--kind", "agent")

    assert done.exit_code == 0, done.output
    assert (mesh.root / FILE).read_text() == f"{written}  - token: anna\n    reader: analyst\n    kind: agent\n"


@pytest.mark.parametrize(
    ("before", "arguments", "said"),
    [
        ("", ["anna"], "does not know the token anna. Say in whose name it reads: dagmesh token create anna --as <domain>"),
        ("", ["anna", "--as", "sensor"], "principals[1].reader: 'sensor' is no domain of this mesh; choose sensors, reports or analyst."),
        ("", ["Anna!", "--as", "sensors"], "principals[1].token: 'Anna!' is no name of a token; write small letters, digits and hyphens"),
        ("", ["anna", "--role", "owner"], "--kind and --role are said with --as"),
        ("", ["anna", "--as", "sensors", "--days", "400"], "400 is not in the range 1<=x<=366"),
        (
            "principals:\n  - {token: anna, reader: sensors}\n",
            ["anna", "--as", "reports"],
            "says of the token anna: reads as sensors, a person; asked for is: reads as reports, a person.",
        ),
        (
            "principals: []\n",
            ["anna", "--as", "sensors"],
            "a line can only be added at its end. Let `principals:` be the last list of the file",
        ),
        ("principals:\nissuers: []\n", ["anna", "--as", "sensors"], "a line can only be added at its end"),
        ("principals:\n  - {token: bob, reader: nobody}\n", ["anna", "--as", "sensors"], "'nobody' is no domain of this mesh"),
    ],
)
def test_a_token_nobody_can_answer_for_is_not_made(mesh: SmallMesh, before: str, arguments: list[str], said: str) -> None:
    if before:
        mesh.write(FILE, before)

    done = run("token", "create", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert (mesh.root / FILE).exists() == bool(before)
    assert not before or (mesh.root / FILE).read_text() == before
    assert not list(mesh.root.glob(".dagmesh/identity/tokens/*"))


def test_the_list_says_what_holds_and_shows_no_secret(mesh: SmallMesh) -> None:
    secret = run("token", "create", "anna", "--as", "reports", "--role", "owner").stdout[25:].strip()
    run("token", "create", "gone", "--as", "sensors", "--scope", "query")
    mesh.write(FILE, (mesh.root / FILE).read_text().partition("  - token: gone")[0])
    run("token", "create", "bob", "--as", "sensors")
    run("token", "revoke", "bob")

    done = run("token", "list", "--json")

    tokens = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert {name: entry["state"] for name, entry in tokens.items()} == {"anna": "holds", "gone": "unknown principal", "bob": "revoked"}
    assert (tokens["anna"]["reader"], tokens["anna"]["roles"], tokens["gone"]["scopes"]) == ("reports", ["owner"], ["query"])
    assert all(entry["made_by"] for entry in tokens.values())
    assert secret not in done.stdout
    assert "code" not in tokens["anna"]
    assert "anna" in run("token", "list").stdout


def test_who_made_and_revoked_a_token_is_written_down(mesh: SmallMesh) -> None:
    run("token", "create", "anna", "--as", "reports")
    done = run("token", "revoke", "anna")

    [log] = (mesh.root / ".dagmesh/identity/log").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert re.fullmatch(r"token anna \([0-9a-f]{16}\) is revoked.\n", done.stdout)
    assert [(line["what"], line["who"]) for line in lines] == [("token made", "token:anna"), ("token revoked", "token:anna")]
    assert all(line["by"].startswith("local:") for line in lines)


def test_check_reads_the_file(mesh: SmallMesh) -> None:
    run("lock")
    assert run("check").exit_code == 0
    mesh.write(FILE, "principals:\n  - {token: anna, reader: sensors, rolls: [owner]}\n")

    done = run("check", "--json")

    assert done.exit_code == 7
    [wrong] = json.loads(done.stdout)
    assert (wrong["kind"], wrong["file"]) == ("principal", FILE)
    assert wrong["message"].startswith("principals[1].rolls: unknown field; choose token, issuer,")
    assert wrong["message"].endswith("Did you mean 'roles'?")


def test_the_demos_own_file_is_without_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagmesh.consume.identity.principals_reading import principals_of
    from dagmesh.model.mesh import Mesh

    principals = principals_of(Mesh.find(Path(__file__).parents[2]))

    assert principals.of_token("anna").reader == "marketing"
