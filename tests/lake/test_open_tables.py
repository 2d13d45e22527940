"""A process opens a table's log once, however often it publishes and reads; what others do to the log it sees."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.lake.conftest import Shop

A, B, C, D = (date(2100, 1, day) for day in range(1, 5))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The roots of the tables that Delta opens from now on."""
    found: list[str] = []
    opening = DeltaTable.__init__

    def noted(self: DeltaTable, root: str, *given: object, **named: object) -> None:
        found.append(root)
        opening(self, root, *given, **named)

    monkeypatch.setattr(DeltaTable, "__init__", noted)
    return found


def test_a_table_is_opened_once_for_many_publications(shop: Shop, opened: list[str]) -> None:
    shop.publish({A: [1]})
    for day in (B, C, D):
        shop.publish({day: [1]})
        assert day in shop.table().snapshot().days

    assert len(opened) == 1


def test_what_another_lake_published_is_seen_without_opening_the_table_anew(
    shop: Shop, open_shop: Callable[..., Shop], opened: list[str], tmp_path: Path
) -> None:
    shop.publish({A: [1]})
    shop.publish({B: [1]})
    shop.publish({C: [1]})
    before = len(opened)
    open_shop(tmp_path).publish({D: [1]})
    by_other = len(opened) - before

    assert set(shop.table().snapshot().days) == {A, B, C, D}
    shop.publish({A: [2]})

    assert shop.rows(shop.table().snapshot()) == {A: [2], B: [1], C: [1], D: [1]}
    assert len(opened) == before + by_other


def test_a_table_put_back_to_an_older_state_is_opened_anew(shop: Shop, tmp_path: Path) -> None:
    shop.publish({A: [1]})
    shop.publish({B: [1]})
    shutil.copytree(shop.folder(), tmp_path / "copy")
    shop.publish({C: [1]})
    shop.publish({D: [1]})

    shutil.rmtree(shop.folder())
    shutil.copytree(tmp_path / "copy", shop.folder())
    shop.publish({C: [3]})

    assert shop.rows(shop.table().snapshot()) == {A: [1], B: [1], C: [3]}
