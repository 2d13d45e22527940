"""`dagmesh check`: one answer for people, for scripts, for GitHub and for SARIF; it mends what can be mended."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.policies.conftest import READINGS_FILE, TOTALS_FILE, policed
from tests.small_mesh import SmallMesh, forget

from dagmesh.cli import main
from dagmesh.model.lock import write_lock

__all__ = ["policed"]  # the fixture

WAIVER = "policy: no_micro_product\nproduct: totals\nreason: a reader asked\napprover: team:federation\nexpires: 2099-12-31\n"


@pytest.fixture
def locked(policed: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """A mesh with which nothing is wrong."""
    monkeypatch.chdir(policed.root)
    lock(policed)
    return policed


def lock(mesh: SmallMesh) -> None:
    forget()
    for name in ("sensors", "reports"):
        location = mesh.mesh.location(name)
        for product in location.load().products:
            write_lock(location.folder, product.describe())


def check(*arguments: str) -> Result:
    forget()
    return CliRunner().invoke(main, ["check", *arguments])


def sin(mesh: SmallMesh) -> None:
    """An error that can be mended, one that cannot, and one that is waived."""
    mesh.change(
        READINGS_FILE,
        "reading_count: int",
        'keeper: str = dm.field(classification="pii", description="Who mends it.")\n    reading_count: int',
    )
    mesh.change(TOTALS_FILE, '    sensor_count: int = dm.field(unit="sensors", description="How many read anything.")\n', "")
    mesh.write("domains/reports/waivers/no_micro_product.totals.yaml", WAIVER)
    lock(mesh)


def test_a_mesh_with_which_nothing_is_wrong_says_what_was_looked_at(locked: SmallMesh) -> None:
    done = check()

    policies = len(list((locked.root / "platform/policies").glob("[!_]*.py")))
    assert (done.exit_code, done.output) == (0, f"2 domains, 2 products, {policies} policies: nothing is wrong.\n")


def test_what_is_wrong_is_said_with_file_line_policy_and_the_next_step(locked: SmallMesh) -> None:
    sin(locked)

    done = check()

    assert done.exit_code == 7
    assert done.stdout.splitlines()[:-1] == [
        f"waived {TOTALS_FILE}:15 no_micro_product",
        "  reports.totals@1: contract has 1 column beside its key; a contract is worth at least two. "
        "Join it with the product it belongs to, or ask for a waiver: domains/reports/waivers/no_micro_product.totals.yaml.",
        "  no_micro_product is waived until 2099-12-31 by team:federation: a reader asked",
        f"error {READINGS_FILE}:13 pii_is_handled",
        '  sensors.readings@1: column \'keeper\' is personal data and has no mask; write mask="null", "hash" or "partial".',
        f"error {READINGS_FILE}:13 pii_is_handled",
        "  sensors.readings@1: column 'keeper' is personal data and has no purpose; write purpose=\"<what it is held for>\".",
    ]
    assert done.stdout.splitlines()[-1].endswith(" policies: 2 errors, 1 waived.")


def test_one_domain_is_checked_alone(locked: SmallMesh) -> None:
    sin(locked)

    assert check("reports").exit_code == 0
    assert check("sensors").exit_code == 7


def test_an_unknown_domain_is_named(locked: SmallMesh) -> None:
    done = check("sensor")

    assert done.exit_code == 2
    assert done.stderr == "no domain 'sensor' in this mesh; choose sensors or reports. Did you mean 'sensors'?\n"


def test_fix_mends_what_a_policy_can_mend_and_leaves_the_rest(locked: SmallMesh) -> None:
    sin(locked)
    locked.change(READINGS_FILE, "https://docs", "http://docs")
    lock(locked)

    first = check("--fix")
    lock(locked)
    second = check("--fix")

    text = (locked.root / READINGS_FILE).read_text()
    assert first.exit_code == 7
    assert first.stderr == f"mended {READINGS_FILE}:13 (pii_is_handled)\nmended {READINGS_FILE}:24 (documentation_url_well_formed)\n"
    assert 'keeper: str = dm.field(mask="null", classification="pii", description="Who mends it.")' in text
    assert "https://docs" in text
    assert (second.exit_code, second.stderr) == (7, "")
    assert "has no purpose" in second.stdout


def test_without_fix_nothing_is_written(locked: SmallMesh) -> None:
    sin(locked)
    before = {path: path.read_bytes() for path in locked.root.glob("domains/**/*.py")}

    check()

    assert {path: path.read_bytes() for path in locked.root.glob("domains/**/*.py")} == before


def test_json_has_every_field_for_scripts(locked: SmallMesh) -> None:
    sin(locked)

    done = check("--json")

    found = json.loads(done.stdout)
    assert done.exit_code == 7
    assert [(one["rule"], one["severity"], one["waived"] is None) for one in found] == [
        ("no_micro_product", "error", False),
        ("pii_is_handled", "error", True),
        ("pii_is_handled", "error", True),
    ]
    assert set(found[0]) == {"kind", "rule", "severity", "address", "file", "line", "message", "waived", "fix"}
    assert found[1]["fix"]["after"].startswith('keeper: str = dm.field(mask="null", ')


def test_github_annotates_the_line(locked: SmallMesh) -> None:
    sin(locked)

    done = check("--github")

    assert done.exit_code == 7
    assert done.stdout.splitlines()[1] == (
        f"::error file={READINGS_FILE},line=13,title=pii_is_handled::"
        'sensors.readings@1: column \'keeper\' is personal data and has no mask; write mask="null", "hash" or "partial".'
    )
    assert done.stdout.startswith(f"::notice file={TOTALS_FILE},line=15,title=no_micro_product::reports.totals@1: contract has 1 column")


def test_what_github_would_read_as_its_own_is_escaped() -> None:
    from dagmesh.cli.annotations import github_line
    from dagmesh.consume.mesh_check import Wrong

    wrong = Wrong("policy", "a:b,c", "warn", "x.y@1", "a,b.py", 3, "100 % of\nthe rows: one, two")

    assert github_line(wrong) == "::warning file=a%2Cb.py,line=3,title=a%3Ab%2Cc::100 %25 of%0Athe rows: one, two"


def test_the_two_forms_of_one_answer_are_not_mixed(locked: SmallMesh) -> None:
    done = check("--json", "--github")

    assert done.exit_code == 2
    assert "--json and --github are two forms of one answer; choose one." in done.stderr


def test_sarif_has_rule_level_line_and_suppression_of_each_finding(locked: SmallMesh) -> None:
    sin(locked)

    done = check("--sarif", "found.sarif")

    log = json.loads((locked.root / "found.sarif").read_text())
    (one,) = log["runs"]
    driver, results = one["tool"]["driver"], one["results"]
    assert done.exit_code == 7
    assert (log["version"], driver["name"]) == ("2.1.0", "dagmesh")
    assert [result["ruleId"] for result in results] == ["no_micro_product", "pii_is_handled", "pii_is_handled"]
    assert all(driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
    assert [place(result) for result in results] == [(TOTALS_FILE, 15), (READINGS_FILE, 13), (READINGS_FILE, 13)]
    assert all(result["level"] == "error" and result["message"]["text"] for result in results)
    assert results[0]["suppressions"] == [
        {"kind": "external", "justification": "no_micro_product is waived until 2099-12-31 by team:federation: a reader asked"}
    ]
    assert "suppressions" not in results[1]


def place(result: dict[str, Any]) -> tuple[str, int]:
    (location,) = result["locations"]
    found = location["physicalLocation"]
    assert not found["artifactLocation"]["uri"].startswith("/")
    return found["artifactLocation"]["uri"], found["region"]["startLine"]


def test_a_mistake_in_a_definition_is_found_with_its_line(locked: SmallMesh) -> None:
    locked.change(READINGS_FILE, 'unit="readings"', 'unit="readings", classification="secret"')

    done = check("sensors", "--json")

    (found,) = json.loads(done.stdout)
    assert done.exit_code == 7
    assert (found["kind"], found["file"], found["line"]) == ("definition", READINGS_FILE, 13)
    assert found["message"] == (
        "Readings: column 'reading_count': unknown classification 'secret'; choose public, internal, pseudonymous, confidential or pii."
    )


def test_a_file_that_cannot_be_imported_is_found(locked: SmallMesh) -> None:
    locked.change(READINGS_FILE, "import duckdb", "import duckdbb")

    done = check("--json")

    (found,) = json.loads(done.stdout)
    assert (done.exit_code, found["file"], found["kind"]) == (7, READINGS_FILE, "definition")
    assert "No module named 'duckdbb'" in found["message"]
    assert found["line"] == 3


def test_a_file_that_is_no_python_is_found_with_its_line(locked: SmallMesh) -> None:
    locked.change(READINGS_FILE, "class Readings(dm.Contract):", "class Readings(dm.Contract:")

    done = check("sensors", "--json")

    (found,) = json.loads(done.stdout)
    assert (done.exit_code, found["file"], found["line"]) == (7, READINGS_FILE, 7)


def test_a_lock_file_that_differs_is_found(locked: SmallMesh) -> None:
    locked.change(READINGS_FILE, "Mean temperature.", "Mean of the temperatures.")
    locked.change(READINGS_FILE, '"1.0.0"', '"1.0.1"')

    done = check("--json")

    assert done.exit_code == 7
    assert [(one["kind"], one["rule"]) for one in json.loads(done.stdout)] == [("lock", "lock_stale")]


def test_an_expectation_that_is_not_accepted_warns_and_does_not_fail_the_check(locked: SmallMesh) -> None:
    relied = 'class Relied(dm.Contract):\n    """What is needed."""\n\n    humidity: int = dm.field(description="How wet.")\n\n\n'
    locked.change(TOTALS_FILE, "@dm.data_product(", f"{relied}@dm.data_product(")
    locked.change(TOTALS_FILE, '"sensors.readings@1"', 'dm.read("sensors.readings@1", expects=Relied)')
    lock(locked)

    done = check("--json")

    assert done.exit_code == 0
    assert [(one["kind"], one["severity"], one["address"]) for one in json.loads(done.stdout)] == [
        ("expectation", "warn", "sensors.readings@1")
    ]


def test_check_imports_neither_dagster_nor_data_frames(locked: SmallMesh) -> None:
    code = "import sys; from dagmesh.cli import main; main(['check'], standalone_mode=False); print(*sys.modules, file=sys.stderr)"

    done = subprocess.run([sys.executable, "-c", code], cwd=locked.root, capture_output=True, text=True, check=True)

    assert not {"dagster", "pandas", "pandera", "polars"} & set(done.stderr.split())


def test_a_domain_with_an_interpreter_of_its_own_is_checked_by_it(locked: SmallMesh) -> None:
    sin(locked)
    python = locked.root / "domains/sensors/bin/python"
    locked.write("domains/sensors/bin/python", f'#!/bin/sh\necho "$@" >> {python}.asked\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    locked.change("workspace.yaml", "location_name: sensors", "location_name: sensors, executable_path: domains/sensors/bin/python")

    done = check("--json")

    assert python.with_name("python.asked").read_text() == "-m dagmesh check sensors --json\n"
    assert [one["rule"] for one in json.loads(done.stdout)] == ["no_micro_product", "pii_is_handled", "pii_is_handled"]
    assert done.exit_code == 7


def test_an_interpreter_that_cannot_check_is_named(locked: SmallMesh) -> None:
    locked.write("domains/sensors/bin/python", "#!/bin/sh\necho 'No module named dagmesh' >&2\nexit 1\n")
    (locked.root / "domains/sensors/bin/python").chmod(0o755)
    locked.change("workspace.yaml", "location_name: sensors", "location_name: sensors, executable_path: domains/sensors/bin/python")

    done = check("sensors")

    assert done.exit_code == 2
    assert done.stderr == f"domains/sensors: {locked.root}/domains/sensors/bin/python cannot check it: No module named dagmesh\n"


def test_the_mesh_of_this_repository_keeps_its_policies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGMESH_HOME", str(tmp_path))
    monkeypatch.chdir(Path(__file__).parents[2])

    found = json.loads(CliRunner().invoke(main, ["check", "--json"]).stdout)

    assert [one for one in found if one["kind"] in ("definition", "policy")] == []
