"""Which changes of a domain's folder are noticed, when, and how often."""

from pathlib import Path

import pytest

from dagmesh.orchestrate.changes import Watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "orders/definitions.py",
        "pyproject.toml",
        "contracts/purchases.yaml",
        "tests/test_orders.py",
        ".venv/lib.py",
        "notes.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    return tmp_path


def noticed(watch: Watch) -> list[bool]:
    return [watch.changed(), watch.changed(), watch.changed()]


def test_nothing_is_told_of_an_untouched_folder(folder: Path) -> None:
    assert noticed(Watch(folder)) == [False, False, False]


@pytest.mark.parametrize("name", ["orders/definitions.py", "pyproject.toml", "contracts/purchases.yaml", "orders/products/new.py"])
def test_a_change_is_told_once_when_it_has_come_to_rest(folder: Path, name: str) -> None:
    watch = Watch(folder)

    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("after, and longer")

    assert noticed(watch) == [False, True, False]


def test_a_removed_file_is_a_change(folder: Path) -> None:
    watch = Watch(folder)

    (folder / "contracts" / "purchases.yaml").unlink()

    assert noticed(watch) == [False, True, False]


def test_a_series_of_changes_is_told_when_it_ends(folder: Path) -> None:
    watch = Watch(folder)
    told = []

    for text in ("a", "bb", "ccc"):
        (folder / "pyproject.toml").write_text(text)
        told.append(watch.changed())

    assert told == [False, False, False]
    assert noticed(watch) == [True, False, False]


@pytest.mark.parametrize("name", ["tests/test_orders.py", ".venv/lib.py", "notes.txt", "orders/__pycache__/definitions.py"])
def test_what_does_not_make_the_location_is_not_looked_at(folder: Path, name: str) -> None:
    watch = Watch(folder)

    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("after, and longer")

    assert noticed(watch) == [False, False, False]
