"""Quarantine: refused rows, whole or not at all, for their owner's eyes."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagmesh.lake.quarantine import quarantine_path, remove_old_quarantine, write_quarantine


@pytest.fixture
def path(shop) -> Path:
    return quarantine_path(shop.lake.home, shop.daily, "run-1")


def test_a_quarantine_file_is_in_the_domains_home(shop, path: Path) -> None:
    assert path == shop.lake.home / "home/orders/quarantine/lines_v1.run-1.parquet"


def test_refused_rows_are_written_for_their_owner_only(shop, path: Path) -> None:
    count = write_quarantine(shop.con, "(SELECT 1 AS line_id, 'key__unique' AS broken_rules)", path)

    assert count == 1
    assert shop.con.sql(f"FROM '{path}'").fetchall() == [(1, "key__unique")]
    assert oct(stat.S_IMODE(path.stat().st_mode)) == "0o600"
    assert oct(stat.S_IMODE(path.parent.stat().st_mode)) == "0o700"


def test_a_relation_of_another_cursor_can_be_written(shop, path: Path) -> None:
    relation = shop.con.cursor().sql("SELECT 1 AS line_id")

    assert write_quarantine(shop.con.cursor(), relation, path) == 1


def test_rows_that_cannot_be_computed_leave_the_file_as_it_was(shop, path: Path) -> None:
    write_quarantine(shop.con, "(SELECT 1 AS line_id)", path)

    with pytest.raises(Exception, match="boom"):
        write_quarantine(shop.con, "(SELECT error('boom') AS line_id)", path)

    assert shop.con.sql(f"FROM '{path}'").fetchall() == [(1,)]


def test_old_files_are_removed(shop, path: Path) -> None:
    new = path.with_name("new.parquet")
    for each in (path, new):
        write_quarantine(shop.con, "(SELECT 1 AS line_id)", each)
    os.utime(path, (0, 0))

    removed = remove_old_quarantine(shop.lake.home, datetime(2020, 1, 1, tzinfo=UTC))

    assert removed == [path]
    assert new.exists()
