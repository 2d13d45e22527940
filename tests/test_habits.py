"""Habits of the whole: what no single test of a room would notice when it slips."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dagmesh
from dagmesh.cli.commands import COMMANDS
from dagmesh.model.mesh import Mesh

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "platform" / "dagmesh"
MODULES = sorted(LIBRARY.rglob("*.py"))
MOST_LINES = 260

LONGER: dict[str, str] = {}  # module -> why it is one idea still
REGISTRIES = [
    ("pypi", "org"),
    ("python" + "hosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("crates", "io"),
    ("anaconda", "org"),
    ("golang", "org"),
]
REGISTRIES += [("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("maven", "org"), ("rubygems", "org")]
HEAVY = {"pandas", "pandera", "dagster", "duckdb", "polars", "pyarrow", "deltalake", "numpy"}
LEFT_UNDONE = ["TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error"]


def tracked() -> list[Path]:
    """Every file that git tracks or would, but what it ignores; no images."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.splitlines()]
    return [file for file in files if file.is_file() and file.suffix not in (".png", ".parquet")]


def loaded_by(code: str) -> set[str]:
    """The top-level modules a fresh process has after some code."""
    code += "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_platforms_folder_does_not_hide_pythons_own_module() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_the_public_names_are_sorted_and_complete() -> None:
    tree = ast.parse((LIBRARY / "__init__.py").read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dagmesh.")]
    names = [alias.asname or alias.name for node in imported for alias in node.names]

    assert dagmesh.__all__ == sorted(dagmesh.__all__)
    assert sorted(names) == dagmesh.__all__


@pytest.mark.parametrize("name", dagmesh.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    assert getattr(dagmesh, name).__doc__


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'dagmesh' has no attribute 'conect'"):
        _ = dagmesh.conect  # type: ignore[attr-defined]  # the point


def test_importing_dagmesh_imports_nothing_heavy() -> None:
    assert not loaded_by("import dagmesh") & HEAVY


def test_a_product_file_imports_neither_dagster_nor_data_frames() -> None:
    for path in sorted((ROOT / "domains").glob("*/*/products/[a-z]*.py")):
        code = f"import runpy, sys; sys.path.insert(0, {str(path.parents[2])!r}); runpy.run_path({str(path)!r})"
        assert not loaded_by(code) & {"dagster", "pandas", "pandera", "polars", "deltalake"}, path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_says_what_it_is_and_is_about_one_thing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    lines = len(text.splitlines())

    assert ast.get_docstring(ast.parse(text))
    assert lines < MOST_LINES or str(path.relative_to(LIBRARY)) in LONGER, f"{lines} lines"


def test_nothing_is_left_undone_in_the_platform() -> None:
    files = [path for path in tracked() if path.is_relative_to(ROOT / "platform")]

    found = [f"{path.relative_to(ROOT)}: {word}" for path in files for word in LEFT_UNDONE if word in path.read_text(encoding="utf-8")]

    assert files
    assert found == []


def test_no_file_names_a_registry_or_this_machine() -> None:
    hosts = [".".join(parts) for parts in REGISTRIES]

    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked()
        for word in [*hosts, f"{ROOT}/"]
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]

    assert found == []


def test_the_pins_name_no_address() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")

    assert "dagster==" in pins
    assert "://" not in pins
    assert " @ " not in pins


def test_no_domain_hides_a_module_of_pythons() -> None:
    domains = [location.module.partition(".")[0] for location in Mesh.find(ROOT).locations]

    assert len(domains) >= 7
    assert [name for name in domains if name in sys.stdlib_module_names] == []


def test_every_domains_folder_is_in_the_workspace() -> None:
    listed = {location.folder for location in Mesh.find(ROOT).locations}

    assert {path.parent for path in (ROOT / "domains").glob("*/pyproject.toml")} == listed


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_section_in_the_documentation(name: str) -> None:
    assert f"\n## dagmesh {name}\n" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_imports_point_down() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_no_domain_imports_another() -> None:
    domains = {location.module.partition(".")[0] for location in Mesh.find(ROOT).locations}

    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "domains").glob("*/**/*.py"))
        for name in imports(path) & domains - {path.relative_to(ROOT / "domains").parts[0]}
    ]

    assert found == []


def imports(path: Path) -> set[str]:
    """The top-level modules that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}
