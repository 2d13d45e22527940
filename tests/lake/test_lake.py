"""The lake: what is published in it, and connections that can read it."""

from datetime import date
from pathlib import Path

import pytest

from dagmesh.errors import AddressError
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address

A = date(2100, 1, 1)


def test_published_addresses_are_listed_with_their_majors(shop) -> None:
    shop.publish_whole([1])
    shop.publish({A: [1]})

    assert shop.lake.addresses() == [Address("orders", "categories", 2), Address("orders", "lines", 1)]
    assert shop.lake.heads() == ["orders.categories@2#0", "orders.lines@1#0"]


def test_an_empty_lake_has_no_addresses(tmp_path: Path) -> None:
    assert Lake(str(tmp_path / "nothing"), tmp_path / "home").addresses() == []


def test_what_is_only_staged_is_not_published(shop) -> None:
    shop.stage({A: [1]})

    assert shop.lake.addresses() == []


def test_heads_change_with_every_publication(shop) -> None:
    shop.publish({A: [1]})
    shop.publish({A: [1]})

    assert shop.lake.heads() == ["orders.lines@1#1"]


def test_the_latest_major_is_the_highest_number(shop) -> None:
    shop.publish({A: [1]})
    for major in (2, 10):
        (Path(shop.lake.root) / f"orders/lines/v{major}/_delta_log").mkdir(parents=True)
        (Path(shop.lake.root) / f"orders/lines/v{major}/_delta_log" / f"{0:020}.json").touch()

    assert shop.lake.latest_major(Address("orders", "lines")) == Address("orders", "lines", 10)
    assert shop.lake.latest_major(Address("orders", "line")) is None


def test_a_table_is_one_major(shop) -> None:
    with pytest.raises(AddressError) as refused:
        shop.lake.table(Address("orders", "lines"))

    assert str(refused.value) == "'orders.lines' names no major; a table is one major of a product, for example orders.lines@1."


def test_a_relative_root_is_the_same_lake_from_every_folder(shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish({A: [1]})
    monkeypatch.chdir(tmp_path)
    lake = Lake("lake", tmp_path / "home")
    table = lake.table(shop.daily.address)
    monkeypatch.chdir("/")

    assert shop.rows(table.snapshot()) == {A: [1]}


def test_a_root_may_have_any_name(open_shop, tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "it's [a] *lake* of?day=1 ünd €")

    shop.publish({A: [1]})

    assert shop.rows(shop.table().snapshot()) == {A: [1]}
    assert shop.con.sql(f"SELECT line_id FROM {shop.stage({A: [2]}).sql()}").fetchall() == [(2,)]


def test_connections_are_in_utc_and_so_are_their_cursors(shop) -> None:
    for con in (shop.con, shop.con.cursor()):
        assert con.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
