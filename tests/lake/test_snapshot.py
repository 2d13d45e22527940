"""Snapshots as values: days, digests, completeness, and text that DuckDB reads."""

from datetime import date

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)


def test_a_snapshot_never_changes(shop) -> None:
    old = shop.publish({A: [1]})

    shop.publish({A: [2], B: [3]})

    assert shop.rows(old) == {A: [1]}
    assert shop.table().snapshot(0) == old


def test_days_are_chosen_by_their_files(shop) -> None:
    snapshot = shop.publish({A: [1], B: [2], C: [3]})

    assert shop.rows(snapshot, [A, C]) == {A: [1], C: [3]}
    assert snapshot.sql([A]).count(".parquet") == 1


def test_no_day_or_an_unpublished_one_gives_no_rows_of_the_same_types(shop) -> None:
    snapshot = shop.publish({A: [1]})

    for days in ([], [C]):
        relation = shop.con.sql(f"FROM {snapshot.sql(days)}")
        assert relation.fetchall() == []
        assert relation.types == shop.con.sql(f"FROM {snapshot.sql()}").types


def test_the_digest_of_a_day_changes_only_with_its_rows(shop) -> None:
    before = shop.publish({A: [1], B: [2]})

    after = shop.publish({B: [3]})

    assert before.day_digests[A] == after.day_digests[A]
    assert before.day_digests[B] != after.day_digests[B]
    assert before.digest != after.digest


def test_completeness_is_the_lowest_of_the_days_chosen(shop) -> None:
    shop.publish({A: [1], B: [2]}, completeness={A: 0.5, B: 0.9})

    snapshot = shop.publish({C: [3]})

    assert snapshot.completeness() == 0.5
    assert snapshot.completeness([B, C]) == 0.9
    assert snapshot.completeness([C]) == 1.0


def test_a_day_published_again_has_its_new_completeness(shop) -> None:
    shop.publish({A: [1]}, completeness={A: 0.5})

    assert shop.publish({A: [1, 2]}).completeness() == 1.0


def test_a_whole_product_has_one_completeness(shop) -> None:
    snapshot = shop.publish_whole([1], completeness={None: 0.8})

    assert snapshot.completeness() == 0.8
    assert snapshot.completeness([A]) == 0.8


def test_a_filter_on_the_day_reads_only_its_files(shop) -> None:
    snapshot = shop.publish({A: [1], B: [2], C: [3]})

    plan = shop.con.execute(f"EXPLAIN ANALYZE SELECT * FROM {snapshot.sql()} WHERE sold_on = DATE '{A}'").fetchall()[0][1]

    assert "Total Files Read: 1" in plan
