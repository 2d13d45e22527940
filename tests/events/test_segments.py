"""Segments: what is sealed is what was appended, in the same bytes whenever it is sealed, and read as if it never had been."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.sealing import (
    KEY,
    PYTHON_STEPS,
    SQL_STEPS,
    connection,
    opened,
    read_in_python,
    rows_of,
    shipped,
    streams,
    tamper,
)

from dagmesh.errors import ChainBroken, EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.relation import relation
from dagmesh.events.segment import segments
from dagmesh.events.segments import seal
from dagmesh.events.store import EventStore
from dagmesh.events.upcast import Upcast
from dagmesh.events.verification import verify_events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    made = opened(tmp_path / "events")
    yield made
    made.close()


def sealed_bytes(store: EventStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.segments_folder.glob("*.*") if path.name[0] != "."}


# Sealing


def test_a_segment_has_a_file_per_type_and_version_and_a_signed_manifest(store: EventStore) -> None:
    store.append([shipped(1), NewEvent("e1", "OrderPlaced", "orders/1", shipped(1).time, {"cents": 5}, 1), shipped(2)])

    segment = seal(store, KEY)

    assert segment is not None
    assert sorted(sealed_bytes(store)) == ["1-3.OrderPlaced.1.parquet", "1-3.OrderShipped.1.parquet", "1-3.json"]
    assert [(file.type, file.version, file.count) for file in segment.files] == [("OrderPlaced", 1, 1), ("OrderShipped", 1, 2)]
    assert (segment.first, segment.last, segment.after) == (1, 3, store.head().hash.hex())
    assert KEY.public.verifies(segment.text, segment.signature)
    assert segments(store.segments_folder) == [segment]


def test_a_file_has_a_typed_column_per_field_and_is_sorted_by_subject(store: EventStore) -> None:
    store.append([shipped(number, subject=f"orders/{number % 2}") for number in range(4)])
    seal(store, KEY)

    found = duckdb.sql(f"FROM '{store.segments_folder}/1-4.OrderShipped.1.parquet'")

    assert dict(zip(found.columns, map(str, found.types), strict=True)) == {
        "position": "BIGINT",
        "id": "VARCHAR",
        "source": "VARCHAR",
        "type": "VARCHAR",
        "version": "INTEGER",
        "subject": "VARCHAR",
        "time": "TIMESTAMP WITH TIME ZONE",
        "data": "VARCHAR",
        "predecessor": "BLOB",
        "hash": "BLOB",
        "on": "DATE",
        "to": "JSON",
    }
    assert found.project("subject, position").fetchall() == [("orders/0", 1), ("orders/0", 3), ("orders/1", 2), ("orders/1", 4)]


def test_segments_follow_each_other(store: EventStore) -> None:
    store.append([shipped(number) for number in range(7)])

    sealed = [seal(store, KEY, upto=2), seal(store, KEY, upto=2), seal(store, KEY, upto=6, most=3), seal(store, KEY), seal(store, KEY)]

    assert [segment and (segment.first, segment.last) for segment in sealed] == [(1, 2), None, (3, 5), (6, 7), None]


def test_what_is_not_there_yet_cannot_be_sealed(store: EventStore) -> None:
    store.append([shipped(1)])

    with pytest.raises(EventRefused) as refusal:
        seal(store, KEY, upto=2)

    assert str(refusal.value) == f"{store.path}: event 2 is not there yet, so it cannot be sealed; the newest is 1."


def test_a_changed_event_is_not_sealed(store: EventStore) -> None:
    store.append([shipped(number) for number in range(3)])
    tamper(store, "UPDATE events SET subject = 'orders/9' WHERE position = 2")

    with pytest.raises(ChainBroken, match="event 2 was changed"):
        seal(store, KEY)

    assert segments(store.segments_folder) == []


def test_a_crash_before_the_manifest_leaves_no_segment_and_the_next_seal_tidies_up(store: EventStore) -> None:
    store.append([shipped(number) for number in range(5)])
    seal(store, KEY, upto=2)
    (store.segments_folder / "3-9.OrderShipped.1.parquet").write_bytes(b"half a fi")
    (store.segments_folder / ".3-9.json").write_text("{")
    spill = store.segments_folder / ".abc"
    spill.mkdir()
    (spill / "spilled").write_text("rows")

    con = connection()
    assert len(rows_of(con, relation(con, store, "OrderShipped"))) == 5
    seal(store, KEY)

    assert sorted(path.name for path in store.segments_folder.iterdir() if path.suffix != ".json") == [
        ".lock",
        "1-2.OrderShipped.1.parquet",
        "3-5.OrderShipped.1.parquet",
    ]
    assert verify_events(store, KEY.public).sealed == 5


def test_segments_are_for_their_owner_only(store: EventStore) -> None:
    store.append([shipped(1)])
    seal(store, KEY)

    assert store.segments_folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in store.segments_folder.iterdir() if path.name != ".lock"} == {0}


def test_personal_values_are_encrypted_in_segments_and_gone_with_their_key(store: EventStore) -> None:
    placed = {"cents": 5, "address": "Elm Street 1"}
    store.append([NewEvent("e1", "OrderPlaced", "orders/1", shipped(1).time, placed, 1)])
    seal(store, KEY)
    con = connection()
    sql = relation(con, store, "OrderPlaced", upcasts=SQL_STEPS)
    assert [row["street"] for row in rows_of(con, sql)] == ["Elm Street 1"]
    assert all(b"Elm" not in content for content in sealed_bytes(store).values())
    [(text,)] = duckdb.sql(f"SELECT address FROM '{store.segments_folder}/1-1.OrderPlaced.1.parquet'").fetchall()
    assert text.startswith("dagmesh:sealed:")

    store.forget("orders/1", shipped(1).time)

    assert [row["street"] for row in rows_of(con, sql)] == [None]
    assert verify_events(store, KEY.public).head == store.head()


# Reading


def test_a_relation_is_bounded_on_both_sides_and_keeps_to_its_moment(store: EventStore) -> None:
    store.append([shipped(number) for number in range(6)])
    seal(store, KEY, upto=3)
    con = connection()
    sql = relation(con, store, "OrderShipped", after=1, until=5)

    store.append([shipped(9)])
    seal(store, KEY)

    assert [row["position"] for row in rows_of(con, sql)] == [2, 3, 4, 5]


def test_a_type_without_events_is_a_relation_without_rows(store: EventStore) -> None:
    con = connection()

    assert rows_of(con, relation(con, store, "OrderShipped")) == []
    assert con.sql(f"FROM {relation(con, store, 'OrderShipped')}").columns[-2:] == ["on", "to"]
    with pytest.raises(EventRefused, match=r"^unknown event type 'OrderShiped'; choose OrderPlaced, OrderShipped\. Did you mean"):
        relation(con, store, "OrderShiped")


def test_a_missing_file_or_manifest_is_an_error_and_not_fewer_rows(store: EventStore) -> None:
    store.append([shipped(number) for number in range(6)])
    for upto in (2, 4, 6):
        seal(store, KEY, upto=upto)
    con = connection()
    file, manifest = store.segments_folder / "3-4.OrderShipped.1.parquet", store.segments_folder / "3-4.json"
    content = file.read_bytes()

    file.unlink()
    with pytest.raises(ChainBroken) as broken:
        relation(con, store, "OrderShipped")
    assert str(broken.value) == f"{file}: the file of a sealed segment is missing. Put it back from a backup."
    file.write_bytes(content)
    before, at = json.loads((store.segments_folder / "1-2.json").read_text())["after"], json.loads(manifest.read_text())["after"]
    manifest.unlink()
    with pytest.raises(ChainBroken) as broken:
        relation(con, store, "OrderShipped")

    assert str(broken.value) == (
        f"{store.segments_folder}/5-6.json: the segment starts at event 5, after {at[:16]}; the one before ends at 2 with {before[:16]}. "
        "Put it back from a backup."
    )
    assert broken.value.position == 3


# Laws


CUTS = st.lists(st.integers(0, 25), max_size=3)


@settings(deadline=None, max_examples=25)
@given(events=streams(), cuts=CUTS, after=st.integers(0, 25), forgotten=st.integers(0, 4), steps=st.sampled_from([SQL_STEPS, PYTHON_STEPS]))
def test_wherever_a_stream_is_sealed_its_relation_is_what_python_reads(
    tmp_path_factory: pytest.TempPathFactory, events: list[NewEvent], cuts: list[int], after: int, forgotten: int, steps: list[Upcast]
) -> None:
    store = opened(tmp_path_factory.mktemp("law") / "events")
    store.append(events)
    con = connection()

    for cut in sorted(cuts):
        seal(store, KEY, upto=min(cut, len(events)))
    store.forget(f"orders/{forgotten}", shipped(1).time)

    for name in ("OrderPlaced", "OrderShipped"):
        assert rows_of(con, relation(con, store, name, after, upcasts=steps)) == read_in_python(store, name, steps, after)
    assert verify_events(store, KEY.public).head == store.head()
    store.close()


@settings(deadline=None, max_examples=10)
@given(events=streams(), cut=st.integers(0, 25))
def test_sealed_twice_the_same_events_are_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, events: list[NewEvent], cut: int
) -> None:
    store = opened(tmp_path_factory.mktemp("law") / "events")
    store.append(events)
    found = []

    for _ in range(2):
        for path in store.segments_folder.glob("*"):
            path.unlink()
        seal(store, KEY, upto=min(cut, len(events)))
        seal(store, KEY)
        found.append(sealed_bytes(store))

    assert found[0] == found[1]
    store.close()
