"""Each door of this machine says who reads: a connection each time anew, the command line with its end."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

import dagmesh as dm
from dagmesh.cli import main
from dagmesh.consume.identity.principal import local


@pytest.fixture
def root(shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shop.publish_profiles()
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.delenv("DAGMESH_LAKE", raising=False)
    monkeypatch.setenv("DAGMESH_HOME", str(shop.lake.home))
    monkeypatch.setenv("DAGMESH_LAKE", shop.lake.root)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(root: Path) -> list[dict]:
    return [json.loads(line) for path in sorted((root / "home" / "reads").iterdir()) for line in path.read_text().splitlines()]


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done.output


def test_each_read_of_a_connection_is_a_query_of_its_own(root) -> None:
    mesh, statement = dm.connect(reader="marketing"), "SELECT count(*) FROM customers.profiles"

    mesh.read("customers.profiles@1")
    mesh.sql(statement)

    whole, asked = lines(root)
    assert {line["principal"] for line in (whole, asked)} == {local("marketing").name}
    assert {line["via"] for line in (whole, asked)} == {"python"}
    assert (whole["statement"], asked["statement"]) == (None, sha256(statement.encode()).hexdigest())
    assert whole["query"] != asked["query"]


def test_the_command_line_completes_what_it_reads(root) -> None:
    run("query", "SELECT customer_id FROM customers.profiles", "--limit", "1")

    read, end = lines(root)
    assert (read["via"], read["principal"]) == ("cli", local("analyst").name)
    assert (end["completes"], end["rows"], end["outcome"]) == (read["query"], 1, "complete")


def test_a_query_that_fails_says_so(root) -> None:
    run("query", "SELECT CAST(city AS INT) FROM customers.profiles", code=2)

    read, end = lines(root)
    assert (end["completes"], end["outcome"]) == (read["query"], "failed")


def test_use_bill_and_feedback_are_printed(root) -> None:
    assert run("usage") == "nobody read anything in the last 30 days.\n"
    assert run("bill", "--month", "2026-01") == "nobody owes anything for 2026-01.\n"
    run("query", "--as", "marketing", "SELECT customer_id FROM customers.profiles")

    assert run("usage", "customers.profiles", "--days", "2").splitlines()[1].split()[:7] == [
        "customers.profiles@1", "marketing", "1", "0", "2", "0", "1",
    ]  # fmt: skip
    assert [use["consumer"] for use in json.loads(run("usage", "--json"))] == ["marketing"]

    assert run("feedback", "list", "customers.profiles") == "nobody said anything of customers.profiles@1 yet.\n"
    given = run("feedback", "give", "customers.profiles", "--as", "risk", "--row", "customer_id=c1", "--text", "Moved.")
    one, said = given.split(": ", 1)
    assert said == f"customer_id=c1; Moved., said of customers.profiles@1#0 as {local('risk').name}.\n"
    assert "1 open: dagmesh feedback list customers.profiles@1" in run("show", "customers.profiles")
    assert run("feedback", "answer", one, "Mended.", "--as", "risk", code=3).startswith("only an owner of customers answers")
    run("feedback", "answer", one, "Mended.", "--as", "customers")
    (listed,) = json.loads(run("feedback", "list", "customers.profiles", "--as", "customers", "--json"))
    assert (listed["key"], listed["open"], listed["answers"][0]["text"]) == ({"customer_id": "c1"}, False, "Mended.")
    assert "answered" in run("feedback", "list", "customers.profiles")
