"""Golden files: what others parse, as it was reviewed; `make golden` (`pytest --golden`) rewrites them, the diff is read."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[str, str], None]

# A file that a test changes twice within a second, to one of the same length, would be read from its old bytecode.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden files instead of comparing with them")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a fixture of their module share a worker: it is made once."""
    for item in items:
        made = getattr(item, "_fixtureinfo", None)
        is_shared = made is not None and any(found[-1].scope == "module" for found in made.name2fixturedefs.values())
        if is_shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(item.config.rootpath).as_posix()))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the file of that name in `golden/` beside the test, or rewrites the file under --golden."""
    folder = Path(request.path).parent / "golden"

    def same(name: str, text: str) -> None:
        file = folder / name
        if request.config.getoption("--golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"no golden file {file.name}; write it: make golden"
        assert text == file.read_text(encoding="utf-8"), "not as it was reviewed; when it is right, rewrite it: make golden"

    return same
