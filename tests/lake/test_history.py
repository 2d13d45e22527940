"""History, reading as of a moment, and rollback."""

from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import DeltaTable

from dagmesh.errors import AddressError, NotPublished, UntrustedSnapshot
from dagmesh.lake.delta_log import commit_name

A, B = date(2100, 1, 1), date(2100, 1, 2)


def test_history_lists_publications_newest_first(shop) -> None:
    for number in range(4):
        shop.publish({A: [number]}, run_id=f"run-{number}")

    found = shop.table().history(3)

    assert [past.publication.run_id for past in found] == ["run-3", "run-2", "run-1"]
    assert all(past.trusted for past in found)


def test_a_product_without_publications_has_no_history(shop) -> None:
    assert shop.table().history() == []


def test_history_flags_what_its_domain_did_not_sign_and_leaves_out_what_claims_nothing(shop) -> None:
    shop.publish({A: [1]})
    shop.publish({A: [2]})
    path = shop.folder() / commit_name(1)
    path.write_text(path.read_text().replace("run-1", "run-X"))
    table = DeltaTable(str(shop.folder()))
    table.create_write_transaction([], "append", table.schema(), ["sold_on"])

    found = shop.table().history()

    assert [(past.publication.snapshot, past.trusted) for past in found] == [(1, False), (0, True)]


def test_as_of_a_moment_gives_the_snapshot_that_was_the_newest_then(shop) -> None:
    first, second = shop.publish({A: [1]}), shop.publish({A: [2]})
    table, hour = shop.table(), timedelta(hours=1)

    assert table.as_of(first.publication.published_at) == first
    assert table.as_of(second.publication.published_at - timedelta(microseconds=1)) == first
    assert table.as_of(second.publication.published_at) == second
    assert table.as_of(second.publication.published_at + 1000 * hour) == second


def test_as_of_a_day_gives_the_snapshot_at_its_end(shop) -> None:
    shop.now = datetime(2100, 1, 1, 21, tzinfo=UTC)
    late, next_day = shop.publish({A: [1]}), None
    shop.now = datetime(2100, 1, 1, 23, tzinfo=UTC)
    next_day = shop.publish({A: [2]})

    assert next_day.publication.published_at == datetime(2100, 1, 2, tzinfo=UTC)
    assert shop.table().as_of(date(2100, 1, 1)) == late
    assert shop.table().as_of(date(2100, 1, 2)) == next_day


def test_as_of_a_moment_before_the_first_snapshot_says_when_that_was(shop) -> None:
    shop.publish({A: [1]})

    with pytest.raises(NotPublished) as missing:
        shop.table().as_of(date(2099, 12, 31))

    assert str(missing.value) == ("orders.lines@1 has no snapshot of 2099-12-31 23:59 UTC: its first snapshot is of 2100-01-01 01:00 UTC.")


def test_as_of_passes_over_what_is_not_trusted(shop) -> None:
    first = shop.publish({A: [1]})
    shop.publish({A: [2]})
    path = shop.folder() / commit_name(1)
    path.write_text(path.read_text().replace("run-1", "run-X"))

    assert shop.table().as_of(date(2100, 2, 1)) == first


def test_rollback_publishes_an_older_snapshot_again_with_the_reason(shop) -> None:
    old = shop.publish({A: [1], B: [2]}, completeness={A: 0.5})
    shop.publish({B: [9]})

    snapshot = shop.table().rollback(0, "wrong export", shop.key, datetime(2100, 3, 1, tzinfo=UTC))

    about = snapshot.publication
    assert snapshot == shop.table().snapshot()
    assert shop.rows(snapshot) == {A: [1], B: [2]}
    assert (about.kind, about.snapshot, about.reason) == ("rollback", 2, "back to #0: wrong export")
    assert (about.published_at, about.rows, about.incomplete) == (datetime(2100, 3, 1, tzinfo=UTC), 2, {"2100-01-01": 0.5})
    assert snapshot.files == old.files


def test_history_and_older_snapshots_outlive_a_rollback(shop) -> None:
    shop.publish({A: [1]})
    shop.publish({A: [2]})

    shop.table().rollback(0, "x", shop.key, shop.now)

    assert [past.publication.kind for past in shop.table().history()] == ["rollback", "publish", "publish"]
    assert shop.rows(shop.table().snapshot(1)) == {A: [2]}


def test_a_rollback_to_a_bad_snapshot_is_refused(shop) -> None:
    shop.publish({A: [1]})
    shop.publish({A: [2]})
    path = shop.folder() / commit_name(0)
    path.write_text(path.read_text().replace("run-1", "run-X"))

    with pytest.raises(UntrustedSnapshot):
        shop.table().rollback(0, "x", shop.key, shop.now)

    assert shop.rows(shop.table().snapshot()) == {A: [2]}


def test_a_rollback_to_a_snapshot_with_damaged_files_is_refused(shop) -> None:
    old = shop.data_file(shop.publish({A: [1]}))
    shop.publish({A: [2]})
    old.write_bytes(old.read_bytes()[:-1])

    with pytest.raises(UntrustedSnapshot):
        shop.table().rollback(0, "x", shop.key, shop.now)


def test_a_rollback_to_what_was_never_published_is_refused(shop) -> None:
    with pytest.raises(NotPublished):
        shop.table().rollback(0, "x", shop.key, shop.now)


def test_a_rollback_to_the_newest_snapshot_is_refused(shop) -> None:
    shop.publish({A: [1]})

    with pytest.raises(AddressError, match=r"orders.lines@1#0 is the newest snapshot already; choose an older one: dagmesh history"):
        shop.table().rollback(0, "x", shop.key, shop.now)
