"""`dagmesh new`: a domain and a product that run as they are written, and nothing overwritten."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from difflib import ndiff
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from dagmesh.cli import main
from dagmesh.cli.stanza import with_stanza
from dagmesh.errors import MeshError
from dagmesh.model.mesh import Mesh

ROOT = Path(__file__).parents[2]
WORKSPACE = """# One stanza a domain.
load_from:
  - python_module: {module_name: orders.definitions, attribute: defs, working_directory: domains/orders, location_name: orders}
"""
COMMAND = "from dagmesh.cli import main; main()"
RETURNS = {
    "python_module": {
        "module_name": "returns.definitions",
        "attribute": "defs",
        "working_directory": "domains/returns",
        "location_name": "returns",
    }
}


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty mesh with the repository's own settings; the working directory is in it."""
    root = tmp_path / "mesh"
    root.mkdir()
    (root / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", root)
    monkeypatch.chdir(root)
    return root


def dagmesh(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def with_domain_and_products() -> None:
    for arguments in (
        ("domain", "returns", "--owner", "team:returns"),
        ("product", "returns.refund_rates", "--serves", "finance,marketing"),
        ("product", "returns.refund_totals", "--whole"),
    ):
        assert dagmesh("new", *arguments).exit_code == 0


def files_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGMESH_", "DAGSTER_"))}
    return subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, check=False)


# What is written


def test_a_new_domain_says_what_it_wrote_and_what_to_type_next(mesh: Path) -> None:
    result = dagmesh("new", "domain", "returns")

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "wrote domains/returns/pyproject.toml",
        "wrote domains/returns/README.md",
        "wrote domains/returns/returns/__init__.py",
        "wrote domains/returns/returns/definitions.py",
        "wrote domains/returns/returns/sources.py",
        "wrote domains/returns/returns/products/__init__.py",
        "wrote domains/returns/tests/test_definitions.py",
        "added returns to workspace.yaml",
        "Next: dagmesh new product returns.<product>",
    ]
    written = {line.removeprefix("wrote ") for line in result.output.splitlines() if line.startswith("wrote ")}
    assert written == set(files_in(mesh)) - {"pyproject.toml", "workspace.yaml"}


def test_a_new_product_says_what_it_wrote_and_how_to_run_it(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)

    daily = dagmesh("new", "product", "returns.refund_rates")
    whole = dagmesh("new", "product", "returns.refund_totals", "--whole")

    assert daily.output.splitlines() == [
        "wrote domains/returns/returns/products/refund_rates.py",
        "wrote domains/returns/tests/test_refund_rates.py",
        f"Next: dagmesh run returns.refund_rates --day {yesterday}",
    ]
    assert whole.output.splitlines()[-1] == "Next: dagmesh run returns.refund_totals"


def test_it_works_from_any_folder_of_the_mesh(mesh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dagmesh("new", "domain", "returns")
    monkeypatch.chdir(mesh / "domains" / "returns")

    result = dagmesh("new", "product", "returns.refund_rates")

    assert result.output.startswith("wrote domains/returns/returns/products/refund_rates.py\n")


def test_the_written_products_are_what_was_asked_for(mesh: Path) -> None:
    with_domain_and_products()
    code = """
import json
from pathlib import Path
from dagmesh.model.mesh import Mesh
products = Mesh.find(Path.cwd()).location("returns").load().products
print(json.dumps([product.describe() for product in products]))
"""

    done = run(mesh, "-c", code)

    assert done.stderr == ""
    rates, totals = json.loads(done.stdout)
    assert (rates["domain"], rates["name"], rates["owner"], rates["version"]) == ("returns", "refund_rates", "team:returns", "1.0.0")
    assert rates["serves"] == ["finance", "marketing"]
    assert rates["partitioned_by"] == "record_date"
    assert (totals["name"], totals["serves"], totals["partitioned_by"]) == ("refund_totals", [], None)


def test_the_written_tests_pass(mesh: Path) -> None:
    with_domain_and_products()

    done = run(mesh, "-m", "pytest", "-q", "domains/returns")

    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_a_written_test_fails_when_the_product_is_wrong(mesh: Path) -> None:
    with_domain_and_products()
    product = mesh / "domains" / "returns" / "returns" / "products" / "refund_rates.py"
    product.write_text(product.read_text(encoding="utf-8").replace("count(*)", "count(*) + 1"), encoding="utf-8")

    done = run(mesh, "-m", "pytest", "-q", "domains/returns/tests/test_refund_rates.py")

    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=" ".join)
def test_what_is_written_is_clean_by_the_repositorys_own_rules(check: list[str], mesh: Path) -> None:
    (mesh / "platform").symlink_to(ROOT / "platform")  # by its being there, ruff tells our own packages from others'
    with_domain_and_products()
    dagmesh("new", "domain", "accounts", "--owner", "accounts@example.com")
    dagmesh("new", "product", "accounts.open_accounts", "--serves", "finance")

    done = run(mesh, "-m", "ruff", *check, "--no-cache", "domains")

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_what_is_written_type_checks(mesh: Path) -> None:
    with_domain_and_products()

    done = run(mesh, "-m", "mypy", "--strict", "--cache-dir", str(mesh / ".mypy_cache"), "domains/returns/returns")

    assert done.returncode == 0, done.stdout


def test_the_written_product_is_published_by_the_next_command(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    said = dagmesh("new", "product", "returns.refund_rates").output.splitlines()[-1]
    command = said.removeprefix("Next: dagmesh ").split()

    ran = run(mesh, "-c", COMMAND, *command)
    read = run(mesh, "-c", COMMAND, "query", "from returns.refund_rates order by channel", "--json")

    assert ran.returncode == 0, ran.stderr
    day = command[-1]
    assert json.loads(read.stdout) == [
        {"record_date": day, "channel": "online", "records": 2, "amount_eur": "25.00"},
        {"record_date": day, "channel": "store", "records": 1, "amount_eur": "42.00"},
    ]


def test_a_domain_with_sources_of_its_own_gets_the_sample_table_beside_them(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    sources = mesh / "domains" / "returns" / "returns" / "sources.py"
    sources.write_text('"""The real ones."""\n', encoding="utf-8")

    first = dagmesh("new", "product", "returns.refund_rates")
    second = dagmesh("new", "product", "returns.refund_totals")

    assert "wrote domains/returns/returns/sample_records.py" in first.output
    assert "sample_records.py" not in second.output
    assert sources.read_text(encoding="utf-8") == '"""The real ones."""\n'


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["domain", "email"], "domains/email: name: Domain name 'email' would hide Python's own module. Try customer_email."),
        (["domain", "click"], "domains/click: name: Domain name 'click' would hide the installed package click. Try click_data."),
        (["domain", "return"], "domains/return: name: Domain name 'return' is a word of Python's. Try return_data."),
        (["domain", "Returns"], "domains/Returns: name: 'Returns' is not snake_case; use lower-case words joined by single underscores."),
        (
            ["domain", "refunds", "--owner", "me"],
            "domains/refunds: owner: 'me' is nobody who can be reached; write team:<name> or an e-mail address.",
        ),
        (["domain", "returns"], "workspace.yaml has a domain 'returns' already; add products to it: dagmesh new product returns.<product>"),
        (["product", "retruns.refund_rates"], "no domain 'retruns' in this mesh; choose returns. Did you mean 'returns'?"),
        (["product", "returns.refund_rates@2"], "'returns.refund_rates@2' names a major; write returns.refund_rates, "),
        (["product", "refund_rates"], "'refund_rates' is not an address; write <domain>.<product>, "),
        (["product", "returns.refund__rates"], "domains/returns: returns.refund__rates: name: 'refund__rates' is not snake_case; "),
        (["product", "returns.class"], "domains/returns: returns.class: name: 'class' is a word its file uses itself. Try returns_class."),
        (["product", "returns.sample_records"], "domains/returns: returns.sample_records: name: 'sample_records' is a word its file uses"),
        (
            ["product", "returns.rates", "--serves", "finance,Sales"],
            "domains/returns: returns.rates: serves: 'Sales' is not a domain's name",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_written(arguments: list[str], message: str, mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    before = files_in(mesh)

    result = dagmesh("new", *arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert files_in(mesh) == before


def test_every_wrong_name_is_named_at_once(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")

    result = dagmesh("new", "product", "returns.a__b", "--serves", "X,y z")

    assert len(result.stderr.splitlines()) == 3


def test_a_product_is_not_named_like_a_private_table(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    sources = mesh / "domains" / "returns" / "returns" / "sources.py"
    sources.write_text(sources.read_text(encoding="utf-8") + "\n\ndef refunds():\n    ...\n", encoding="utf-8")

    result = dagmesh("new", "product", "returns.refunds")

    assert result.stderr.startswith("domains/returns: returns.refunds: name: returns has a private table 'refunds' already")


@pytest.mark.parametrize("taken", ["domains/returns/returns/products/refund_rates.py", "domains/returns/tests/test_refund_rates.py"])
def test_a_file_that_exists_is_left_alone_and_so_is_everything_else(taken: str, mesh: Path) -> None:
    dagmesh("new", "domain", "returns")
    (mesh / taken).write_text("mine\n", encoding="utf-8")
    before = files_in(mesh)

    result = dagmesh("new", "product", "returns.refund_rates")

    assert (result.exit_code, files_in(mesh)) == (2, before)
    assert result.stderr == f"{taken}: exists already; nothing was written. Choose another name, or remove it.\n"


def test_a_folder_that_no_entry_lists_is_left_alone(mesh: Path) -> None:
    (mesh / "domains" / "returns").mkdir(parents=True)

    result = dagmesh("new", "domain", "returns")

    assert result.exit_code == 2
    assert result.stderr.startswith("domains/returns exists already and workspace.yaml does not list it; nothing was written.")


def test_outside_a_mesh_there_is_nowhere_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = dagmesh("new", "domain", "returns")

    assert result.exit_code == 2
    assert result.stderr.endswith("no workspace.yaml here or above; change into the mesh's folder.\n")


# The entry in workspace.yaml


@pytest.mark.parametrize(
    "text",
    [
        WORKSPACE,
        WORKSPACE.rstrip("\n"),
        WORKSPACE + "# the end\n",
        WORKSPACE.replace("  - ", "- "),
        WORKSPACE.replace("}\n", "} # a note\n\nother: 1 # kept\n"),
        "load_from:\n    - python_module:\n        module_name: orders.definitions # block\n        working_directory: a\n\n# end\n",
        "load_from:\n  - python_module: {module_name: orders.definitions,\n      working_directory: a} # over two lines\n# end\n",
        "load_from: []\n",
        "load_from: [] # none yet\n",
        "load_from:\n",
        "load_from: # none yet\nother: 1\n",
        "",
        "# nothing yet\n",
        "other: 1\n",
    ],
)
def test_an_entry_is_added_and_every_other_character_stays(text: str) -> None:
    after = with_stanza(text, "returns")

    before = yaml.safe_load(text) or {}
    assert yaml.safe_load(after) == {**before, "load_from": [*(before.get("load_from") or []), RETURNS]}
    assert [line for line in ndiff(text.replace(" []", "").splitlines(), after.splitlines()) if line.startswith("- ")] == []


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (WORKSPACE, "\n  - python_module: {module_name: returns.definitions, attribute: defs, working_directory: domains/returns, "),
        (WORKSPACE.replace("  - ", "- "), "\n- python_module: {module_name: returns.definitions, "),
        (
            "load_from:\n  - python_module:\n      module_name: orders.definitions\n",
            "\n  - python_module:\n      module_name: returns.definitions\n      attribute: defs\n",
        ),
    ],
    ids=["in one line", "not indented", "in a block"],
)
def test_the_entry_has_the_form_of_the_one_before_it(text: str, entry: str) -> None:
    assert entry in with_stanza(text, "returns")


def test_a_name_that_yaml_reads_as_something_else_is_quoted() -> None:
    added = yaml.safe_load(with_stanza(WORKSPACE, "off"))["load_from"][-1]["python_module"]

    assert added["location_name"] == "off"


@pytest.mark.parametrize("text", ["load_from: [{python_file: x.py}]\n", "load_from: {a: 1}\n"])
def test_a_form_it_cannot_add_to_is_refused_with_the_entry_to_add(text: str) -> None:
    with pytest.raises(MeshError, match=r"add this one by hand:\n- python_module: \{module_name: returns.definitions"):
        with_stanza(text, "returns")


def test_the_new_domain_is_a_location_of_the_mesh(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")

    location = Mesh.find(mesh).location("returns")

    assert (location.folder, location.module) == (mesh / "domains" / "returns", "returns.definitions")


def test_the_domains_days_and_its_tables_begin_together(mesh: Path) -> None:
    dagmesh("new", "domain", "returns")

    assert "start=date(2025, 1, 1)" in files_in(mesh)["domains/returns/returns/definitions.py"]
    assert "2025-01-01" in files_in(mesh)["domains/returns/returns/sources.py"]
