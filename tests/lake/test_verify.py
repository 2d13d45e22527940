"""Readers refuse what is forged, unsigned, replayed, truncated or bit-flipped, and name the last good snapshot."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction

from dagmesh.errors import NotPublished, UntrustedSnapshot
from dagmesh.lake.delta_log import commit_name
from dagmesh.lake.keys import signing_key
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import canonical
from dagmesh.lake.verify import PUBLICATION, SIGNATURE

A, B = date(2100, 1, 1), date(2100, 1, 2)


@pytest.fixture
def published(shop):
    """A shop with two snapshots: #0 has day A, #1 has A and B."""
    shop.publish({A: [1, 2]})
    shop.publish({B: [3]})
    return shop


def refusal(shop, version: int | None = None) -> UntrustedSnapshot:
    with pytest.raises(UntrustedSnapshot) as refused:
        shop.table().snapshot(version).sql()
    return refused.value


def edit_commit(shop, version: int, edit: Callable[[dict], None]) -> None:
    """Change what a commit says of itself."""
    path = shop.folder() / commit_name(version)
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        edit(action.get("commitInfo", {}))
    path.write_text("\n".join(json.dumps(action) for action in actions))


def edit_publication(**changes: object) -> Callable[[dict], None]:
    def edit(info: dict) -> None:
        if PUBLICATION in info:
            info[PUBLICATION] = canonical({**json.loads(info[PUBLICATION]), **changes})

    return edit


def flip(path: Path, position: int = 20) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def other_add(shop, day: date = A) -> AddAction:
    """An action that adds a copy of a good file once more."""
    (file,) = [file for file in shop.table().snapshot().files if file.day == day]
    nonce = file.path.replace(".parquet", "")[:-8] + "00000000.parquet"
    shutil.copy(shop.folder() / file.path, shop.folder() / nonce)
    return AddAction(nonce, file.size, {"sold_on": str(day)}, 0, True, json.dumps({"numRecords": file.rows}))


def commit(shop, actions: list[AddAction], said: dict[str, str]) -> None:
    table = DeltaTable(str(shop.folder()))
    properties = CommitProperties(custom_metadata=said)
    table.create_write_transaction(actions, "append", table.schema(), ["sold_on"], commit_properties=properties)


def said(shop, version: int) -> dict[str, str]:
    """What a version's commit carries of ours."""
    actions = map(json.loads, (shop.folder() / commit_name(version)).read_text().splitlines())
    info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
    return {PUBLICATION: info[PUBLICATION], SIGNATURE: info[SIGNATURE]}


def test_good_snapshots_are_read(published) -> None:
    assert published.rows(published.table().snapshot()) == {A: [1, 2], B: [3]}
    assert published.rows(published.table().snapshot(0)) == {A: [1, 2]}


def test_the_refusal_says_place_reason_last_good_snapshot_and_next_step(published) -> None:
    commit(published, [other_add(published)], {})

    error = refusal(published)

    assert str(error) == (
        "orders.lines@1#2 is refused: it is not signed. The last good snapshot is orders.lines@1#1: read it with "
        "dagmesh query 'from \"orders.lines@1#1\"', or make it the newest with dagmesh rollback 'orders.lines@1#1' --reason ..."
    )
    assert (error.address, error.version, error.last_good) == ("orders.lines@1", 2, 1)


def test_an_edited_publication_is_refused(published) -> None:
    edit_commit(published, 1, edit_publication(reason="all good"))

    assert "its signature does not hold for orders's key" in str(refusal(published))


def test_a_publication_signed_by_another_key_is_refused(published, tmp_path: Path) -> None:
    forger = signing_key(tmp_path / "forger", "orders")

    def forge(info: dict) -> None:
        if PUBLICATION in info:
            info[SIGNATURE] = forger.sign(info[PUBLICATION])

    edit_commit(published, 1, forge)

    assert "its signature does not hold" in str(refusal(published))


def test_a_signature_that_is_no_base64_is_refused(published) -> None:
    edit_commit(published, 1, lambda info: info.update({SIGNATURE: "?"}))

    assert "its signature does not hold" in str(refusal(published))


@pytest.mark.parametrize("missing", [PUBLICATION, SIGNATURE])
def test_a_commit_without_publication_or_signature_is_refused(published, missing: str) -> None:
    edit_commit(published, 1, lambda info: info.pop(missing, None))

    assert "it is not signed" in str(refusal(published))


def test_an_older_publication_replayed_on_the_same_table_is_refused(published) -> None:
    commit(published, [], said(published, 0))

    assert "#2 is refused: it is a copy of orders.lines@1#0" in str(refusal(published))


def test_a_publication_replayed_on_another_table_is_refused(published) -> None:
    target = published.lake.table(published.daily.address.at_major(2))
    shutil.copytree(published.folder(), target.place.storage.root)

    with pytest.raises(
        UntrustedSnapshot, match=r"orders.lines@2#1 is refused: it is a copy of orders.lines@1#1\. No earlier snapshot is good"
    ):
        target.snapshot()


def test_a_snapshot_with_one_file_more_than_was_signed_is_refused(published) -> None:
    extra = other_add(published)
    record = {"add": {"path": extra.path, "partitionValues": {"sold_on": str(A)}, "size": extra.size, "modificationTime": 0}}
    path = published.folder() / commit_name(1)
    path.write_text(path.read_text() + "\n" + json.dumps({"add": {**record["add"], "dataChange": True, "stats": extra.stats}}))

    assert "its files are not the ones that were signed" in str(refusal(published))


def test_a_snapshot_with_a_file_less_than_was_signed_is_refused(published) -> None:
    path = published.folder() / commit_name(1)
    path.write_text("\n".join(line for line in path.read_text().splitlines() if '"add"' not in line))

    assert "its files are not the ones that were signed" in str(refusal(published))


def test_a_snapshot_that_claims_other_row_counts_is_refused(published) -> None:
    path = published.folder() / commit_name(1)
    path.write_text(path.read_text().replace('\\"numRecords\\": 1', '\\"numRecords\\": 9'))

    assert "its files are not the ones that were signed" in str(refusal(published))


def test_a_file_with_a_name_of_another_kind_is_refused(published) -> None:
    commit(published, [AddAction("x.parquet", 1, {"sold_on": str(A)}, 0, True, '{"numRecords": 1}')], said(published, 1))

    assert refusal(published).last_good == 1


def test_a_flipped_bit_is_found_though_the_file_was_read_before(published) -> None:
    snapshot = published.table().snapshot()
    snapshot.sql()
    newest = published.folder() / next(file.path for file in snapshot.files if file.day == B)
    flip(newest)

    error = refusal(published)

    assert f"its file {newest.relative_to(published.folder())} has not the content that was signed" in str(error)
    assert error.last_good == 0


def test_a_flipped_bit_is_found_though_the_time_of_the_file_is_set_back(published) -> None:
    path = published.data_file(published.table().snapshot())
    before = path.stat()

    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "has not the content that was signed" in str(refusal(published))


def test_a_truncated_file_is_refused(published) -> None:
    path = published.data_file(published.table().snapshot())
    content = path.read_bytes()

    path.write_bytes(content[:-1])

    assert f"has {len(content) - 1} bytes, {len(content)} were signed" in str(refusal(published))


def test_a_missing_file_is_refused(published) -> None:
    published.data_file(published.table().snapshot()).unlink()

    assert "is missing" in str(refusal(published))


def test_a_snapshot_is_verified_once_a_process_while_nothing_changes(published) -> None:
    table = published.table()

    first = table.snapshot()

    assert published.table().snapshot() is first
    edit_commit(published, 1, edit_publication(reason="x"))
    assert refusal(published).last_good == 0


def test_a_key_that_is_taken_away_is_noticed_by_a_process_that_knows_the_snapshot(published) -> None:
    published.table().snapshot()

    (Path(published.lake.root) / "_keys/orders.pub").unlink()

    assert "no public key" in str(refusal(published))


def test_only_the_chosen_days_files_are_looked_at(published) -> None:
    snapshot = published.table().snapshot()
    flip(published.folder() / next(file.path for file in snapshot.files if file.day == B))

    assert published.rows(snapshot, [A]) == {A: [1, 2]}
    with pytest.raises(UntrustedSnapshot):
        snapshot.sql([B])


def test_a_file_is_hashed_once_a_machine_and_state(published, tmp_path: Path) -> None:
    path = published.data_file(published.table().snapshot())
    published.table().snapshot().sql()
    path.chmod(0o000)  # what is known is not read again

    assert published.table().place.checked.known(str(published.folder()), [path.relative_to(published.folder()).as_posix()])
    path.chmod(0o644)
    flip(path)
    assert refusal(published).last_good is None


def test_verify_hashes_everything_anew(published) -> None:
    table = published.table()
    path = published.data_file(table.snapshot())
    flip(path)
    states = {file.path: table.place.storage.state(file.path) for file in table.snapshot().files}
    table.place.checked.note(table.place.storage.root, states)  # this machine believes the damaged file is good

    table.snapshot().sql()
    with pytest.raises(UntrustedSnapshot, match="has not the content that was signed"):
        table.verify()


def test_a_lake_without_the_public_key_is_refused(published) -> None:
    (Path(published.lake.root) / "_keys/orders.pub").unlink()

    error = refusal(published)

    assert "the lake has no public key of orders to verify it with. No earlier snapshot is good." in str(error)
    assert error.last_good is None


def test_the_last_good_snapshot_may_be_further_back(published) -> None:
    edit_commit(published, 1, edit_publication(reason="x"))
    commit(published, [], {})

    assert refusal(published).last_good == 0


def test_a_torn_newest_commit_names_the_file_to_move_away(published) -> None:
    path = published.folder() / commit_name(1)
    path.write_bytes(path.read_bytes()[:-40])

    error = refusal(published)

    assert f"its commit {path} is damaged, move it away" in str(error)
    assert error.last_good == 0
    path.rename(path.with_suffix(".damaged"))
    assert published.rows(published.table().snapshot()) == {A: [1, 2]}


def test_a_hole_in_the_log_is_refused(published) -> None:
    published.publish({B: [4]})
    path = published.folder() / commit_name(1)

    path.unlink()
    published.lake = Lake(published.lake.root, published.lake.home)  # as another process, which has verified nothing yet

    assert f"its commit {path} is damaged, bring it back from a backup" in str(refusal(published))


def test_a_damaged_checkpoint_can_be_removed(shop) -> None:
    for number in range(51):
        shop.publish({A: [number]})
    (checkpoint,) = (shop.folder() / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    shop.lake = Lake(shop.lake.root, shop.lake.home)  # as another process, which has verified nothing yet

    assert "if a checkpoint is damaged, remove it with _last_checkpoint: every commit is kept" in str(refusal(shop))

    checkpoint.unlink()
    (checkpoint.parent / "_last_checkpoint").unlink()
    assert shop.rows(shop.table().snapshot()) == {A: [50]}


def test_a_product_that_was_never_published_says_how_to_publish_it(shop) -> None:
    with pytest.raises(NotPublished) as missing:
        shop.table().snapshot()

    assert str(missing.value) == "orders.lines@1 is not published yet. Publish it: dagmesh run orders.lines"


def test_a_version_that_does_not_exist_is_not_published(published) -> None:
    with pytest.raises(NotPublished, match=r"orders.lines@1 has no snapshot #7; the newest is #1: dagmesh history orders.lines@1"):
        published.table().snapshot(7)


def test_a_bad_newest_snapshot_is_mended_by_a_rollback(published) -> None:
    commit(published, [other_add(published)], {})

    restored = published.table().rollback(refusal(published).last_good, "forged", published.key, published.now + timedelta(hours=1))

    assert restored.version == 3
    assert published.rows(published.table().snapshot()) == {A: [1, 2], B: [3]}
    assert published.rows(published.publish({B: [5]})) == {A: [1, 2], B: [5]}
