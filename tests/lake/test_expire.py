"""Expiry and housekeeping: what retention and abandoned runs leave behind goes, what anybody may need stays."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import DeltaTable

from dagmesh.errors import NotPublished

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)
LATER = datetime(2100, 6, 1, tzinfo=UTC)


def files(shop, product=None) -> set[str]:
    folder = shop.folder(product)
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet") if not path.relative_to(folder).parts[0].startswith("_")
    }


def test_expired_days_leave_the_newest_snapshot(shop) -> None:
    shop.publish({A: [1], B: [2], C: [3]}, completeness={A: 0.5, C: 0.75})

    snapshot = shop.table().expire(B, shop.key, LATER)

    assert snapshot == shop.table().snapshot()
    assert shop.rows(snapshot) == {B: [2], C: [3]}
    assert (snapshot.publication.kind, snapshot.publication.reason) == ("expire", "retention: 1 days to 2100-01-01")
    assert (snapshot.publication.incomplete, snapshot.publication.rows) == ({"2100-01-03": 0.75}, 2)
    assert len(DeltaTable(str(shop.folder())).file_uris()) == 2


def test_no_commit_is_made_when_no_day_expires(shop) -> None:
    snapshot = shop.publish({B: [2]})

    assert shop.table().expire(A, shop.key, LATER) == snapshot


def test_a_snapshot_that_was_the_newest_within_the_retention_stays_readable(shop) -> None:
    shop.publish({A: [1], B: [2]})

    shop.table().expire(B, shop.key, LATER)

    assert shop.rows(shop.table().snapshot(0)) == {A: [1], B: [2]}


def test_files_of_snapshots_replaced_before_the_retention_leave_the_lake(shop) -> None:
    old, kept = shop.publish_whole([1]), shop.publish_whole([2])
    newest = shop.publish_whole([3])

    shop.table(shop.whole).expire(kept.publication.published_at, shop.key, LATER)

    assert files(shop, shop.whole) == {file.path for file in (*kept.files, *newest.files)}
    assert shop.table(shop.whole).snapshot(kept.version).sql()
    with pytest.raises(NotPublished) as gone:
        shop.table(shop.whole).snapshot(old.version).sql()
    assert str(gone.value) == "orders.categories@2#0 is no longer kept; the newest snapshot is #2: dagmesh history orders.categories@2"


def test_a_file_that_a_rollback_brought_back_stays(shop) -> None:
    old = shop.publish_whole([1])
    shop.publish_whole([2])
    shop.table(shop.whole).rollback(old.version, "x", shop.key, LATER)

    shop.table(shop.whole).expire(LATER, shop.key, LATER + timedelta(days=1))

    assert files(shop, shop.whole) == {file.path for file in old.files}
    assert shop.con.sql(f"FROM {shop.table(shop.whole).snapshot().sql()}").fetchall() == [(1, ["a", "b"])]


def test_a_file_of_a_run_that_has_not_committed_yet_stays(shop) -> None:
    snapshot = shop.publish({A: [1]})
    uncommitted = shop.data_file(snapshot).with_name("uncommitted.parquet")
    uncommitted.write_bytes(b"x")
    now = datetime.fromtimestamp(uncommitted.stat().st_mtime, UTC)

    shop.table().expire(A, shop.key, now + timedelta(hours=23))
    assert uncommitted.exists()

    shop.table().expire(A, shop.key, now + timedelta(hours=25))
    assert not uncommitted.exists()
    assert shop.data_file(snapshot).exists()


def test_a_daily_product_whose_every_day_expired_is_empty_and_can_be_published(shop) -> None:
    shop.publish({A: [1]})

    assert shop.rows(shop.table().expire(C, shop.key, LATER)) == {}
    assert shop.rows(shop.publish({C: [3]})) == {C: [3]}


def test_what_was_never_published_cannot_expire(shop) -> None:
    with pytest.raises(NotPublished):
        shop.table().expire(A, shop.key, LATER)


def test_abandoned_stages_are_removed_and_stages_under_way_are_not(shop) -> None:
    abandoned, under_way = shop.stage({A: [1]}), shop.stage({B: [2]})
    old = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    for path in [shop.folder() / abandoned.folder, *(shop.folder() / abandoned.folder).rglob("*")]:
        os.utime(path, (old, old))

    removed = shop.table().remove_abandoned_stages(datetime(2020, 1, 2, tzinfo=UTC))

    assert removed == [abandoned.folder]
    assert not (shop.folder() / abandoned.folder).exists()
    assert shop.con.sql(f"SELECT line_id FROM {under_way.sql()}").fetchall() == [(2,)]


def test_a_table_without_stages_has_none_to_remove(shop) -> None:
    assert shop.table().remove_abandoned_stages(LATER) == []
