"""Storage: the same behaviour on a local folder and behind a URL."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dagmesh.errors import UntrustedSnapshot
from dagmesh.lake.storage import storage_of

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)


@pytest.fixture(params=["path", "file url"])
def storage(request: pytest.FixtureRequest, tmp_path: Path):
    return storage_of(str(tmp_path) if request.param == "path" else f"file://{tmp_path}")


@pytest.fixture
def remote_shop(open_shop, tmp_path: Path) -> Iterator:
    """The shop in a lake that is named by a URL, so that everything goes through fsspec."""
    shop = open_shop(tmp_path, f"file://{tmp_path}/lake")
    yield shop
    shop.con.close()


def test_a_file_is_created_once(storage) -> None:
    assert storage.create("a/b", b"1")
    assert not storage.create("a/b", b"2")

    assert storage.read("a/b") == b"1"
    assert storage.names("a") == ["b"]


def test_what_is_not_there_is_none(storage) -> None:
    assert storage.read("a") is None
    assert storage.state("a") is None
    assert storage.names("a") == []
    assert list(storage.files("a")) == []
    assert storage.last_written("a") is None
    storage.remove("a")


def test_a_file_moves_to_a_folder_that_is_not_there_yet(storage) -> None:
    storage.create("a/b", b"1")

    storage.move("a/b", "c/d/e")

    assert storage.read("a/b") is None
    assert storage.read("c/d/e") == b"1"


def test_a_copy_is_another_file(storage) -> None:
    storage.create("a", b"1")

    storage.copy("a", "b/c")
    storage.remove("a")

    assert storage.read("b/c") == b"1"


def test_the_state_of_a_file_changes_with_its_content(storage, tmp_path: Path) -> None:
    storage.create("a", b"1")
    before = storage.state("a")

    (tmp_path / "a").write_bytes(b"22")

    assert before.size == 1
    assert storage.state("a") != before


@pytest.mark.parametrize("count", [2, 20])
def test_states_are_of_the_files_that_are_there(storage, count: int) -> None:
    names = [f"a/{number}" for number in range(count)]
    for name in names:
        storage.create(name, name.encode())

    assert storage.states([*names, "b"]) == {name: storage.state(name) for name in names}


def test_a_file_is_hashed(storage) -> None:
    storage.create("a", b"x" * 3_000_000)

    assert storage.sha256("a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_every_file_below_a_folder_is_listed_with_its_time(storage) -> None:
    for name in ("a/b/c", "a/d", "e"):
        storage.create(name, b"")

    found = dict(storage.files("a"))

    assert sorted(found) == ["a/b/c", "a/d"]
    assert all(datetime.now(UTC) - written < timedelta(minutes=5) for written in found.values())
    assert storage.last_written("a") >= max(found.values())


def test_a_folder_is_removed_with_all_it_holds(storage) -> None:
    storage.create("a/b/c", b"")

    storage.remove("a")

    assert list(storage.files("")) == []


def test_a_storage_below_a_folder_sees_it_as_its_root(storage) -> None:
    storage.create("a/b", b"1")

    assert storage.at("a").read("b") == b"1"
    assert dict(storage.at("a").files("")).keys() == {"b"}


def test_a_lake_behind_a_url_does_all_that_a_local_one_does(remote_shop) -> None:
    shop = remote_shop
    shop.publish_stage(shop.stage({A: [1], B: [2, 3]}, [A, B, C]))
    shop.publish({B: [4]})
    shop.publish_whole([1, 2])

    table = shop.table()
    assert shop.rows(table.snapshot()) == {A: [1], B: [4]}
    assert table.snapshot().sql().count("file://") == 3
    assert shop.rows(table.rollback(0, "x", shop.key, shop.now)) == {A: [1], B: [2, 3]}
    assert shop.rows(table.expire(B, shop.key, datetime(2101, 1, 1, tzinfo=UTC))) == {B: [2, 3]}
    assert [past.trusted for past in table.history()] == [True] * 4
    assert shop.lake.heads() == ["orders.categories@2#0", "orders.lines@1#3"]
    assert table.remove_abandoned_stages(datetime(2101, 1, 1, tzinfo=UTC)) == []


def test_a_damaged_file_behind_a_url_is_refused(remote_shop) -> None:
    shop = remote_shop
    snapshot = shop.publish({A: [1]})
    path = Path(shop.lake.storage.folder) / "orders/lines/v1" / snapshot.files[0].path
    content = path.read_bytes()
    shop.rows(shop.table().snapshot())

    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    with pytest.raises(UntrustedSnapshot):
        shop.table().snapshot().sql()
