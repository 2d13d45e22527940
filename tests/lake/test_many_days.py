"""A table of a thousand days: one more day costs what it costs in a table of thirty."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

FIRST = date(2100, 1, 1)
FILES_OPENED = 12  # by us, in one publication of one day: key, commit, statistics of this machine, one data file


@pytest.fixture(scope="module", params=[30, 1000])
def many_days(request: pytest.FixtureRequest, open_shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A shop whose table has that many days, the last one not yet published."""
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    shop.publish({FIRST + timedelta(days=n): [n] for n in range(request.param - 1)})
    yield shop, FIRST + timedelta(days=request.param - 1)
    shop.con.close()


class Opened:
    """The files that Python opens while `watching`."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.watching = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if self.watching and event == "open" and isinstance(arguments[0], str):
            self.paths.append(arguments[0])

    @contextmanager
    def within(self, folder: Path) -> Iterator[list[str]]:
        self.paths, self.watching = [], True
        yield self.paths
        self.watching = False
        self.paths[:] = [path for path in self.paths if path.startswith(str(folder))]


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


def test_one_more_day_is_one_commit_and_a_handful_of_files(many_days, opened: Opened) -> None:
    shop, day = many_days
    before = shop.table().newest
    stage = shop.stage({day: list(range(100))})

    with opened.within(shop.lake.home.parent) as paths:
        shop.publish_stage(stage)

    assert shop.table().newest == before + 1
    assert len([path for path in paths if path.endswith(".parquet")]) == 1
    assert len(paths) <= FILES_OPENED


def test_reading_one_day_looks_at_its_file_alone(many_days, opened: Opened) -> None:
    shop, day = many_days
    shop.publish({day: [1]})
    (shop.lake.home / "checked_files.sqlite").unlink()  # as on another machine

    with opened.within(shop.lake.home.parent) as paths:
        sql = shop.table().snapshot().sql([day])

    assert [path for path in paths if path.endswith(".parquet")] == [str(shop.folder() / shop_file(shop, day))]
    assert sql.count(".parquet") == 1


def shop_file(shop, day: date) -> str:
    return next(file.path for file in shop.table().snapshot().files if file.day == day)


def test_reading_known_files_again_opens_none_of_them(many_days, opened: Opened) -> None:
    shop, day = many_days
    shop.publish({day: [1]})
    shop.table().snapshot().sql()

    with opened.within(shop.lake.home.parent) as paths:
        shop.table().snapshot().sql()

    assert not [path for path in paths if path.endswith(".parquet")]
