"""Staging: one scan, invisible, exactly the days asked for."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.lake.conftest import sales

from dagmesh.errors import AuditRefused

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)


def test_a_stage_counts_its_rows_and_reads_them_in_contract_order(shop) -> None:
    stage = shop.stage({A: [1, 2], B: [3]})

    relation = shop.con.sql(f"FROM {stage.sql()}")
    assert stage.rows == {A: 2, B: 1}
    assert relation.columns == ["sold_on", "line_id", "amount_eur", "note"]
    assert [str(kind) for kind in relation.types] == ["DATE", "BIGINT", "DECIMAL(18,2)", "VARCHAR"]
    assert sorted(row[:2] for row in relation.fetchall()) == [(A, 1), (A, 2), (B, 3)]


def test_a_stage_reads_some_of_its_days(shop) -> None:
    stage = shop.stage({A: [1, 2], B: [3]})

    assert shop.con.sql(f"SELECT sold_on, line_id FROM {stage.sql([B])}").fetchall() == [(B, 3)]


def test_nobody_sees_a_stage(shop) -> None:
    snapshot = shop.publish({A: [1]})

    shop.stage({A: [7], B: [8]})

    assert shop.rows(shop.table().snapshot()) == {A: [1]}
    assert DeltaTable(str(shop.folder())).file_uris() == [str(shop.data_file(snapshot))]


def test_a_day_asked_for_without_rows_is_staged_and_published_empty(shop) -> None:
    snapshot = shop.publish_stage(shop.stage({A: [1]}, [A, B, C]))

    relation = shop.con.sql(f"FROM {snapshot.sql([B, C])}")
    assert list(snapshot.days) == [A, B, C]
    assert relation.fetchall() == []
    assert [str(kind) for kind in relation.types] == ["DATE", "BIGINT", "DECIMAL(18,2)", "VARCHAR"]


def test_a_stage_of_no_rows_at_all_has_every_day_asked_for(shop) -> None:
    assert shop.stage({}, [A, B]).rows == {A: 0, B: 0}


def test_rows_of_other_days_are_refused_and_leave_nothing(shop) -> None:
    with pytest.raises(AuditRefused) as refused:
        shop.stage({A: [1], B: [2, 3], C: [4]}, [A])

    assert str(refused.value) == (
        "orders.lines@1: 3 rows have sold_on 2100-01-02, 2100-01-03; the run was asked for 2100-01-01. Nothing was stored. "
        "Keep only rows of the days asked for."
    )
    assert not list(shop.folder().rglob("*.parquet"))


def test_rows_without_a_day_are_refused(shop) -> None:
    sql = "(SELECT NULL::DATE AS sold_on, 1 AS line_id, 1 AS amount_eur, '' AS note)"

    with pytest.raises(AuditRefused, match=r"1 rows have sold_on NULL; the run was asked for 2 days from 2100-01-01 to 2100-01-03"):
        shop.table().stage(shop.con, sql, shop.daily, [A, C])


def test_rows_that_cannot_be_computed_leave_nothing(shop) -> None:
    with pytest.raises(Exception, match="Conversion Error"):
        shop.table().stage(shop.con, "(SELECT 'x' AS sold_on, 1 AS line_id, 1 AS amount_eur, '' AS note)", shop.daily, [A])

    assert not list(shop.folder().glob("_stage/*"))


def test_a_whole_product_takes_no_days_and_a_daily_one_needs_some(shop) -> None:
    with pytest.raises(ValueError, match="a daily product is staged for days, a whole one for none"):
        shop.stage({}, [])
    with pytest.raises(ValueError, match="a daily product is staged for days, a whole one for none"):
        shop.table(shop.whole).stage(shop.con, "x", shop.whole, [A])


def test_a_discarded_stage_is_gone(shop) -> None:
    stage = shop.stage({A: [1]})

    stage.discard()

    assert not list(shop.folder().rglob("*.parquet"))
    assert not list(shop.folder().glob("_stage/*"))


def test_more_days_than_duckdb_keeps_open_are_staged_in_one_file_each_or_more(shop) -> None:
    days = [date.fromordinal(A.toordinal() + n) for n in range(250)]
    numbers = f"(SELECT DATE '{A}' + (i % 250)::INT AS sold_on, i AS line_id, 1 AS amount_eur, 'x' AS note FROM range(100000) r(i))"

    stage = shop.table().stage(shop.con, numbers, shop.daily, days)

    assert stage.rows == dict.fromkeys(days, 400)
    assert shop.con.execute(f"SELECT count(DISTINCT line_id), count(*) FROM {stage.sql()}").fetchone() == (100000, 100000)


def test_the_sum_of_a_day_is_its_files_and_a_day_in_several_files_is_read(shop) -> None:
    table, rows = shop.table(), {A: [1, 2], B: [3], C: []}
    read = table.stage(shop.con, sales(rows), shop.daily, list(rows)).with_row_hashes(shop.con, {})
    sums = {file.day: file.row_hash for file in read.files}

    given = replace(read, files=tuple(replace(file, row_hash=None) for file in read.files)).with_row_hashes(shop.con, {A: 7, B: 8})

    assert [file.row_hash for file in sorted(given.files, key=lambda file: str(file.day))] == [7, 8, 0]
    (one,) = (file for file in read.files if file.day == A)
    read.storage.copy(one.path, other := one.path.replace("data_", "more_"))
    files = tuple(replace(one, path=path, row_hash=None) for path in (one.path, other))
    twice = replace(read, files=files).with_row_hashes(shop.con, {A: 7})
    assert [file.row_hash for file in twice.files] == [sums[A], sums[A]]


def test_rows_without_hashes_are_not_published(shop) -> None:
    stage = shop.table().stage(shop.con, sales({A: [1]}), shop.daily, [A])

    with pytest.raises(ValueError, match="the staged rows have no hashes"):
        shop.publish_stage(stage)


def test_what_is_changed_after_it_was_hashed_is_not_published(shop) -> None:
    stage = shop.stage({A: [1]}).with_contents()
    file = Path(stage.storage.path(stage.files[0].path))
    file.write_bytes(file.read_bytes()[:-1] + b"2")

    with pytest.raises(AuditRefused, match="was changed after it was hashed to be audited; nothing was published"):
        shop.publish_stage(stage)
