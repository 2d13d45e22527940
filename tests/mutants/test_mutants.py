"""Deliberate mutants of the risky core: each must make the tests named for it fail.

Every `<room>.toml` beside this file is a list of mutants:

    [[mutant]]
    name = "signatures are not checked"     # what the mutated platform does
    file = "platform/dagmesh/lake/verify.py"
    before = "if not key.verifies(text, signature):"
    after = "if False:"
    tests = ["tests/lake/test_verify.py::test_an_edited_publication_is_refused"]

`before` occurs exactly once in the file, so that a mutant is rewritten with the code it is of. A mutant is caught when each of its tests
fails on a copy of platform/ with the one change; the same tests must pass on a copy without it.
"""

import compileall
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAILED = 1  # pytest's own exit code for tests that ran and failed; a broken copy has another

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Mutant:
    """One change of one file, and the tests that notice it."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def mutants_of(room: Path) -> list[Mutant]:
    entries = tomllib.loads(room.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


ROOMS = {path.stem: mutants_of(path) for path in sorted(Path(__file__).parent.glob("*.toml"))}
MUTANTS = {f"{room}: {mutant.name}": mutant for room, mutants in ROOMS.items() for mutant in mutants}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of platform/dagmesh and of the policies with its bytecode, which each mutant then need not make anew."""
    folder = tmp_path_factory.mktemp("compiled")
    for name in ("platform/dagmesh", "platform/policies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert compileall.compile_dir(folder, quiet=2)
    return folder


@pytest.fixture
def copy(compiled: Path, tmp_path: Path) -> Path:
    """A folder with a copy of platform/dagmesh that Python finds before the installed one, and of the policies."""
    shutil.copytree(compiled / "platform", tmp_path / "platform")
    return tmp_path


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the copy first on its path, in the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "platform"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def run_tests(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    return run(copy, "-m", "pytest", "-q", "-o", "addopts=--import-mode=importlib -p no:cacheprovider", *tests)


def test_the_copy_is_what_is_tested(copy: Path) -> None:
    found = run(copy, "-c", "import dagmesh; print(dagmesh.__file__)").stdout.strip()

    assert found == str(copy / "platform/dagmesh/__init__.py")


@pytest.mark.parametrize("room", ROOMS)
def test_without_a_mutant_the_tests_pass(room: str, copy: Path) -> None:
    tests = sorted({test for mutant in ROOMS[room] for test in mutant.tests})

    result = run_tests(copy, *tests)

    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught(name: str, copy: Path) -> None:
    mutant = MUTANTS[name]
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.before) == 1, f"{mutant.file} has {mutant.before!r} {text.count(mutant.before)} times; name one place."
    path.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")

    for test in mutant.tests:
        result = run_tests(copy, test)
        assert result.returncode == FAILED, f"{test} does not notice that {mutant.name}:\n{result.stdout[-3000:]}"
