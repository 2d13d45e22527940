"""Verification: whatever is changed in a store or its segments is found, and the first bad file or position named."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from tests.events.sealing import KEY, OTHER_KEY, opened, shipped, tamper

from dagmesh.errors import ChainBroken
from dagmesh.events.event import Head, chain_hash, microseconds
from dagmesh.events.segment import Segment, segments, sha256_of
from dagmesh.events.segments import seal
from dagmesh.events.store import EventStore
from dagmesh.events.verification import Verification, verify_events

FILE = "4-6.OrderShipped.1.parquet"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """Eight events, the first six in two segments."""
    made = opened(tmp_path / "events")
    made.append([shipped(number) for number in range(1, 9)])
    seal(made, KEY, upto=3)
    seal(made, KEY, upto=6)
    yield made
    made.close()


def refusal(store: EventStore) -> ChainBroken:
    with pytest.raises(ChainBroken) as broken:
        verify_events(store, KEY.public)
    return broken.value


def rewritten(store: EventStore, file: str, select: str) -> None:
    """The file with other rows, and its manifest signed again: what only the owner of the key can do."""
    path = store.segments_folder / file
    rows = duckdb.sql(f"SELECT * REPLACE ({select}) FROM '{path}'" if not select.startswith("WHERE") else f"FROM '{path}' {select}")
    rows.write_parquet(str(path.with_suffix(".new")))
    path.with_suffix(".new").replace(path)
    signed_again(store, 1, lambda segment: replace(segment, files=tuple(replace(f, sha256=sha256_of(path)) for f in segment.files)))


def signed_again(store: EventStore, place: int, change: Callable[[Segment], Segment]) -> None:
    changed = change(segments(store.segments_folder)[place])
    changed.manifest.write_text(replace(changed, signature=KEY.sign(changed.text)).to_json())


def test_what_holds_is_told(store: EventStore) -> None:
    assert verify_events(store, KEY.public) == Verification(store.head(), segments=2, sealed=6)


def test_a_store_that_was_never_sealed_needs_no_key(tmp_path: Path) -> None:
    store = opened(tmp_path / "events")

    assert verify_events(store, None) == Verification(Head(), 0, 0)


def test_a_flipped_bit_in_a_file_is_found(store: EventStore) -> None:
    path = store.segments_folder / FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    broken = refusal(store)

    assert str(broken) == f"{path}: the file was changed since it was sealed. Put it back from a backup."
    assert broken.position == 4


def test_a_missing_file_is_found(store: EventStore) -> None:
    (store.segments_folder / FILE).unlink()

    assert str(refusal(store)) == f"{store.segments_folder / FILE}: the file of a sealed segment is missing. Put it back from a backup."


def test_a_changed_manifest_is_found(store: EventStore) -> None:
    manifest = store.segments_folder / "4-6.json"
    manifest.write_text(manifest.read_text().replace('"count": 3', '"count": 2'))

    assert str(refusal(store)) == f"{manifest}: the segment is not what {KEY.key_id} signed. Put it back from a backup."


def test_a_segment_that_another_key_signed_is_found(store: EventStore) -> None:
    seal(store, OTHER_KEY)

    assert str(refusal(store)) == (
        f"{store.segments_folder}/7-8.json: the segment is not what {KEY.key_id} signed. Put it back from a backup."
    )


def test_a_segment_without_a_key_to_verify_it_is_not_believed(store: EventStore) -> None:
    with pytest.raises(ChainBroken) as broken:
        verify_events(store, None)

    assert str(broken.value) == (
        f"{store.segments_folder}/1-3.json: there is no public key of shop/orders to verify it with. Put it back from a backup."
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "dagmesh segment 1"}'])
def test_a_manifest_that_is_none_is_found(store: EventStore, text: str) -> None:
    manifest = store.segments_folder / "4-6.json"
    manifest.write_text(text)

    broken = refusal(store)

    assert str(broken).startswith(f"{manifest} is no manifest of a segment (")
    assert broken.position == 4


def test_a_manifest_under_another_name_is_found(store: EventStore) -> None:
    (store.segments_folder / "4-6.json").rename(store.segments_folder / "4-9.json")

    assert str(refusal(store)) == (
        f"{store.segments_folder}/4-9.json is no manifest of a segment (it says dagmesh segment 1, 4-6.json). Put it back from a backup."
    )


def test_a_missing_first_segment_is_found(store: EventStore) -> None:
    (store.segments_folder / "1-3.json").unlink()

    broken = refusal(store)

    assert "the segment starts at event 4" in str(broken)
    assert broken.position == 1


@pytest.mark.parametrize(
    ("select", "position"),
    [
        ("CASE position WHEN 5 THEN '{}' ELSE data END AS data", 5),
        ("CASE position WHEN 6 THEN time + INTERVAL 1 MICROSECOND ELSE time END AS time", 6),
        ("CASE position WHEN 4 THEN 'orders/9' ELSE subject END AS subject", 4),
        ("CASE position WHEN 5 THEN hash[1:31] ELSE hash END AS hash", 5),
        ("WHERE position <> 4", 4),
        ("WHERE position <> 5", 5),
        ("WHERE position <> 6", 6),
        ("WHERE false", 6),
    ],
)
def test_rows_that_are_not_the_chains_are_found_even_when_they_are_signed(store: EventStore, select: str, position: int) -> None:
    rewritten(store, FILE, select.replace("hash[1:31]", "'x'::BLOB"))

    broken = refusal(store)

    assert (
        str(broken) == f"{store.segments_folder}/4-6.json: event {position} of the segment is not in the chain. Put it back from a backup."
    )
    assert broken.position == position


def test_a_row_of_a_file_twice_is_found(store: EventStore) -> None:
    path = store.segments_folder / FILE
    duckdb.sql(f"FROM '{path}' UNION ALL FROM '{path}' WHERE position = 5").write_parquet(str(path) + ".new")
    Path(f"{path}.new").replace(path)
    signed_again(store, 1, lambda segment: replace(segment, files=tuple(replace(f, sha256=sha256_of(path)) for f in segment.files)))

    assert "is not in the chain" in str(refusal(store))


def test_a_changed_event_in_the_store_is_found_though_it_is_sealed(store: EventStore) -> None:
    tamper(store, "UPDATE events SET data = '{}' WHERE position = 2")

    broken = refusal(store)

    assert str(broken) == f"{store.path}: event 2 was changed since it was appended. Put the file back from a backup."
    assert broken.position == 2


def test_a_store_whose_whole_chain_was_made_anew_is_found_by_its_segments(store: EventStore) -> None:
    statements: list[str] = []
    predecessor = next(event.hash for event in store.read() if event.position == 4)
    for event in store.read(after=4):
        own = event.position, event.id, event.source, event.type, event.version, event.subject, microseconds(event.time)
        hashed = chain_hash(predecessor, *own, data='{"on":"2000-01-01"}')
        set_to = f"data = '{{\"on\":\"2000-01-01\"}}', predecessor = x'{predecessor.hex()}', hash = x'{hashed.hex()}'"
        statements.append(f"UPDATE events SET {set_to} WHERE position = {event.position}")
        predecessor = hashed
    tamper(store, *statements)
    assert store.verify().position == 8

    broken = refusal(store)

    assert str(broken) == f"{store.path}: event 5 is another than 4-6.json has sealed. Put the file back from a backup."
    assert broken.position == 5


def test_a_store_cut_off_below_what_is_sealed_is_found(store: EventStore) -> None:
    tamper(store, "DELETE FROM events WHERE position >= 6")
    assert store.verify().position == 5

    assert str(refusal(store)) == f"{store.path}: event 6 is missing; 4-6.json has sealed it. Put the file back from a backup."


def test_a_gap_or_change_after_what_is_sealed_is_found(store: EventStore) -> None:
    tamper(store, "UPDATE events SET data = '{}' WHERE position = 8")

    assert refusal(store).position == 8


def test_a_chain_that_leaves_a_number_out_is_found(store: EventStore) -> None:
    last = next(store.read(order="newest first"))
    own = 9, last.id, last.source, last.type, last.version, last.subject, microseconds(last.time)
    hashed = chain_hash(last.predecessor, *own, data='{"on":"2026-11-19"}')
    tamper(store, f"UPDATE events SET position = 9, hash = x'{hashed.hex()}' WHERE position = 8")

    assert str(refusal(store)) == f"{store.path}: event 8 is missing; the next is 9. Put the file back from a backup."


def test_the_manifest_is_json_that_others_can_read(store: EventStore) -> None:
    said = json.loads((store.segments_folder / "4-6.json").read_text())

    assert list(said) == ["format", "source", "first", "last", "before", "after", "files", "key_id", "signature"]
    assert said["files"] == [
        {"name": FILE, "type": "OrderShipped", "version": 1, "count": 3, "sha256": sha256_of(store.segments_folder / FILE)}
    ]
