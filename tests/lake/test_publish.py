"""Publishing: all or nothing, exactly the days given, one signed commit of metadata."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable

import dagmesh as dm
from dagmesh.errors import DefinitionError, MeshError, UntrustedSnapshot
from dagmesh.lake import publish
from dagmesh.lake.copied_files import Copy, copied, hashed
from dagmesh.lake.data_file import digest
from dagmesh.lake.delta_log import commit_info, commit_name
from dagmesh.lake.keys import signing_key
from dagmesh.lake.publication import Publication, canonical
from dagmesh.lake.storage import storage_of

A, B, C = date(2100, 1, 1), date(2100, 1, 2), date(2100, 1, 3)


def test_publishing_replaces_exactly_the_days_given(shop) -> None:
    shop.publish({A: [1], B: [2, 3], C: [4]})

    snapshot = shop.publish({B: [9]})

    assert shop.rows(snapshot) == {A: [1], B: [9], C: [4]}
    assert shop.rows(snapshot, [B]) == {B: [9]}
    assert sorted(DeltaTable(str(shop.folder())).file_uris()) == sorted(f"{shop.folder()}/{file.path}" for file in snapshot.files)


def test_what_publishing_gives_back_is_what_readers_see(shop) -> None:
    assert shop.publish({A: [1], B: []}) == shop.table().snapshot()
    assert shop.publish({B: [2]}) == shop.table().snapshot()
    assert shop.publish_whole([1, 2]) == shop.table(shop.whole).snapshot()


def test_some_staged_days_are_published_and_the_others_stay_staged(shop) -> None:
    stage = shop.stage({A: [1], B: [2]})

    snapshot = shop.table().publish(stage, [A], shop_record(shop, A), shop.key)

    assert shop.rows(snapshot) == {A: [1]}
    assert shop.con.sql(f"SELECT line_id FROM {stage.sql([B])}").fetchall() == [(2,)]


def shop_record(shop, *days: date):
    from dagmesh.lake.publication import Record

    return Record("run-1", shop.now, dict.fromkeys([*days, None], "0" * 16))


@pytest.mark.parametrize("lost", [1, 3])
def test_a_publisher_that_was_overtaken_is_not_lost_and_signs_what_it_commits(shop, monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    """The race as it happens: another publication is committed between the look at the table and the commit."""
    shop.publish({A: [1]})
    looked, overtaking = publish._change, iter(range(lost))

    def overtaken(publishing, table):
        change = looked(publishing, table)
        if publishing.days == {B} and next(overtaking, None) is not None:
            shop.publish({C: [7]})
        return change

    monkeypatch.setattr(publish, "_change", overtaken)
    slow = shop.stage({B: [2]})

    snapshot = shop.table().publish(slow, [B], shop_record(shop, B), shop.key)

    past = shop.table().history(10)
    assert [found.publication.snapshot for found in past] == list(range(lost + 1, -1, -1))
    assert all(found.trusted for found in past)
    assert shop.rows(snapshot) == shop.rows(shop.table().snapshot()) == {A: [1], B: [2], C: [7]}


def test_a_whole_product_is_replaced_whole(shop) -> None:
    shop.publish_whole([1, 2, 3])

    snapshot = shop.publish_whole([4])

    assert shop.con.sql(f"FROM {snapshot.sql()}").fetchall() == [(4, ["a", "b"])]
    assert snapshot.days == {}


def test_a_whole_product_without_rows_is_published(shop) -> None:
    snapshot = shop.publish_whole([])

    assert shop.con.sql(f"FROM {snapshot.sql()}").fetchall() == []
    assert snapshot.publication.rows == 0


def test_days_that_are_not_staged_cannot_be_published(shop) -> None:
    with pytest.raises(ValueError, match="staged are 2100-01-01, to publish 2100-01-02; publish days that are staged"):
        shop.publish_stage(shop.stage({A: [1]}), [B])
    with pytest.raises(ValueError, match="staged are 2100-01-01, to publish no days"):
        shop.publish_stage(shop.stage({A: [1]}), [])


def test_two_stages_of_different_days_are_both_published(shop) -> None:
    first, second = shop.stage({A: [1]}), shop.stage({B: [2]})

    shop.publish_stage(second)

    assert shop.rows(shop.publish_stage(first)) == {A: [1], B: [2]}


def test_the_publication_says_what_was_published(shop) -> None:
    shop.publish({A: [1]}, completeness={A: 0.5})
    said = {"checks": [{"name": "x", "passed": True}], "profile": {"line_id": {"max": 3}}, "inputs": {"sales": {"table": "sales"}}}

    about = shop.publish({B: [2, 3]}, completeness={B: 0.75}, seconds=1.5, reason="late", **said).publication

    assert (about.kind, about.address, about.version, about.snapshot) == ("publish", "orders.lines@1", "1.2.0", 1)
    assert about.days == {"2100-01-02": {"rows": 2, "completeness": 0.75}}
    assert (about.rows, about.completeness, about.incomplete) == (3, 0.75, {"2100-01-01": 0.5, "2100-01-02": 0.75})
    assert (about.through, about.seconds, about.reason, about.run_id) == (B, 1.5, "late", "run-1")
    assert (about.checks, about.profile, about.inputs) == (said["checks"], said["profile"], said["inputs"])
    assert about.product == json.loads(json.dumps(shop.daily.describe()))
    assert about.contract_fingerprint == shop.daily.contract.fingerprint()
    assert about.code_version == shop.daily.code_version()
    assert [file["rows"] for file in about.files] == [2]
    assert about.key_id == shop.key.key_id


def test_through_is_the_newest_day_of_the_snapshot_not_of_the_publication(shop) -> None:
    shop.publish({C: [3]})

    assert shop.publish({A: [1]}).publication.through == C


def test_what_is_signed_is_canonical_json(shop) -> None:
    text = shop.publish({A: [1]}).publication.to_json()

    assert text == canonical(json.loads(text))
    assert Publication.from_json(text).to_json() == text


def test_a_publication_of_a_newer_dagmesh_is_read_without_its_new_fields(shop) -> None:
    about = shop.publish({A: [1]}).publication

    assert Publication.from_json(canonical({**json.loads(about.to_json()), "invented_later": 1})) == about


def test_a_file_name_holds_the_hash_of_the_content_and_what_it_was_made_of(shop) -> None:
    import hashlib

    snapshot = shop.publish({A: [1]})

    (file,) = snapshot.files
    assert file.sha256 == hashlib.sha256(shop.data_file(snapshot).read_bytes()).hexdigest()
    assert file.path.startswith("sold_on=2100-01-01/")
    assert (file.made_of, file.day) == ("0123456789abcdef", A)
    assert shop.table().fingerprints() == {A: "0123456789abcdef"}


def test_the_commit_carries_statistics_for_other_readers(shop) -> None:
    shop.publish({A: [3, 1, 2]})

    actions = DeltaTable(str(shop.folder())).get_add_actions(flatten=True)
    row = {name: actions.column(name).to_pylist()[0] for name in actions.schema.names}
    assert (row["num_records"], row["min.line_id"], row["max.line_id"], row["null_count.note"]) == (3, 1, 3, 0)
    assert (row["min.note"], row["max.note"], row["partition.sold_on"]) == ("n1", "n3", A)


def test_other_delta_readers_see_the_same_rows(shop) -> None:
    shop.publish({A: [1, 2], B: [3]})
    shop.publish({A: [5]})

    table = DeltaTable(str(shop.folder())).to_pyarrow_table()

    assert sorted(zip(table["sold_on"].to_pylist(), table["line_id"].to_pylist(), strict=True)) == [(A, 5), (B, 3)]
    assert table["amount_eur"].to_pylist() == [Decimal("1.50")] * 2


def test_the_same_rows_made_again_in_any_order_have_the_same_digest(shop) -> None:
    first, second = shop.publish_whole([1, 2, 3]), shop.publish_whole([3, 1, 2])

    assert first.files[0].sha256 != second.files[0].sha256
    assert first.digest == second.digest


@pytest.mark.parametrize("numbers", [[], [1], [1, 3], [1, 2, 2], [1, 2, 3]], ids=str)
def test_other_rows_have_another_digest(shop, numbers: list[int]) -> None:
    first = shop.publish_whole([1, 2])

    assert shop.publish_whole(numbers).digest != first.digest


def test_a_day_in_several_files_has_the_digest_of_its_rows(shop) -> None:
    one, two, both = (shop.publish({A: numbers}).files[0] for numbers in ([1, 2], [3], [3, 1, 2]))

    assert digest([one, two]) == digest([both])


def test_the_same_values_under_other_names_have_another_digest(shop, tmp_path: Path) -> None:
    storage = storage_of(str(tmp_path / "files"))
    copies = [Copy(f"(SELECT 1 AS {name})", [(name, "BIGINT")], None, ()) for name in ("paid_eur", "owed_eur")]

    hashes = [
        hashed(shop.con, copy.stored, storage, copied(shop.con, copy, storage, name, name))[0].row_hash
        for copy, name in zip(copies, ("paid_eur", "owed_eur"), strict=True)
    ]

    assert hashes[0] != hashes[1]


def test_publishing_is_refused_with_a_key_the_lake_does_not_know(shop, tmp_path: Path) -> None:
    shop.publish({A: [1]})
    other = signing_key(tmp_path / "other", "orders")

    with pytest.raises(MeshError, match="holds the public key"):
        shop.table().publish(shop.stage({A: [2]}), [A], shop_record(shop, A), other)

    assert shop.rows(shop.table().snapshot()) == {A: [1]}


def test_a_refused_publication_leaves_no_file(shop, tmp_path: Path) -> None:
    before = shop.publish({A: [1]})
    stage = shop.stage({A: [2]})

    with pytest.raises(MeshError):
        shop.table().publish(stage, [A], shop_record(shop, A), signing_key(tmp_path / "other", "orders"))

    stage.discard()
    assert list(shop.folder().rglob("*.parquet")) == [shop.data_file(before)]


def test_days_that_stay_must_be_of_a_good_snapshot(shop) -> None:
    shop.publish({A: [1]})
    forge_commit(shop)

    with pytest.raises(UntrustedSnapshot, match="#1 is refused: it is not signed"):
        shop.publish({B: [2]})


def forge_commit(shop) -> None:
    table = DeltaTable(str(shop.folder()))
    table.create_write_transaction([], mode="append", schema=table.schema(), partition_by=["sold_on"])


def test_replacing_everything_mends_a_table_whose_newest_snapshot_is_bad(shop) -> None:
    shop.publish({A: [1]})
    forge_commit(shop)

    assert shop.rows(shop.publish({A: [2]})) == {A: [2]}


# A contract that changes within a major


def changed(product, **columns: tuple) -> object:
    """The product with a contract of these columns besides its own."""
    contract = type("Lines", (dm.Contract,), {"__doc__": "One row per line of an order.", **own_columns(columns)})
    assert not contract.problems
    return replace(product, contract=contract, version="1.3.0")


def own_columns(columns: dict) -> dict:
    declared = {
        "sold_on": (date, dm.field(key=True, description="UTC day of the sale.")),
        "line_id": (int, dm.field(key=True, description="Number of the line.")),
        "amount_eur": (Decimal, dm.field(description="Paid for the line.")),
        "note": (str | None, dm.field(description="What the buyer wrote.")),
        **columns,
    }
    return {"__annotations__": {name: kind for name, (kind, _) in declared.items()}, **{name: spec for name, (_, spec) in declared.items()}}


def publish_changed(shop, product, day: date, extra: str):
    sql = f"(SELECT DATE '{day}' AS sold_on, 1 AS line_id, 1 AS amount_eur, '' AS note, {extra})"
    return shop.publish_stage(shop.table().stage(shop.con, sql, product, [day]).with_row_hashes(shop.con, {}))


def test_a_new_column_is_null_in_days_published_before_it(shop) -> None:
    product = changed(shop.daily, colour=(str | None, dm.field(description="Colour.")))
    shop.publish({A: [1]})

    snapshot = publish_changed(shop, product, B, "'red' AS colour")

    assert shop.con.sql(f"SELECT sold_on, colour FROM {snapshot.sql()} ORDER BY 1").fetchall() == [(A, None), (B, "red")]
    assert shop.con.sql(f"SELECT sold_on, colour FROM {snapshot.sql([A])}").fetchall() == [(A, None)]
    assert shop.con.sql(f"FROM {shop.table().snapshot(0).sql()}").columns == ["sold_on", "line_id", "amount_eur", "note"]


def test_a_new_column_stays_null_until_the_day_is_published_again(shop) -> None:
    product = changed(shop.daily, colour=(str | None, dm.field(description="Colour.")))
    shop.publish({A: [1]})
    publish_changed(shop, product, B, "'red' AS colour")

    again = publish_changed(shop, product, A, "'blue' AS colour")

    assert shop.con.sql(f"SELECT sold_on, colour FROM {again.sql()} ORDER BY 1").fetchall() == [(A, "blue"), (B, "red")]


def test_a_column_never_changes_its_type_within_a_major(shop) -> None:
    product = changed(shop.daily, line_id=(str, dm.field(key=True, description="Number of the line.")))
    shop.publish({A: [1]})

    with pytest.raises(DefinitionError) as refused:
        publish_changed(shop, product, B, "1 AS x")

    assert str(refused.value).endswith("orders.lines@1: line_id: is published as long and declared as string; release 2.0.0, or keep it.")
    assert shop.rows(shop.table().snapshot()) == {A: [1]}


def test_a_major_is_split_by_the_same_column_for_ever(shop) -> None:
    shop.publish({A: [1]})
    product = replace(shop.daily, partitioned_by=None)
    stage = (
        shop.table()
        .stage(shop.con, "(SELECT DATE '2100-01-01' AS sold_on, 1 AS line_id, 1 AS amount_eur, '' AS note)", product, [])
        .with_row_hashes(shop.con, {})
    )

    with pytest.raises(DefinitionError, match=r"partitioned_by: is published as sold_on and declared as None; release 2.0.0, or keep it"):
        shop.publish_stage(stage)


def test_the_first_publication_makes_the_table_so_that_no_version_is_unsigned(shop) -> None:
    snapshot = shop.publish({A: [1]})

    assert snapshot.version == 0
    assert {"dagmesh.publication", "dagmesh.signature"} <= set(commit_info(shop.table().place.storage, 0))
    assert (shop.folder() / commit_name(0)).exists()
