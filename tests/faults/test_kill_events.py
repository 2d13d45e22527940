"""Killed at any point, feeding and folding lose and double no event; a full disk leaves a state good, a damaged one is mended."""

import json
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.events.feeding import content
from tests.events.projecting import connection, opened, sorted_rows
from tests.faults.event_worker import SPENT, advance_after_each, events, folder_of

from dagmesh.errors import MeshError
from dagmesh.events.event import canonical
from dagmesh.events.projections.bitemporal import rows_at
from dagmesh.events.projections.state import FILE, Checkpoint, advance
from dagmesh.events.projections.state_files import fold_again
from dagmesh.events.projections.state_files import opened as state_opened
from dagmesh.events.store import EventStore

FILES, KILLS = 40, 25
COLUMNS = ["customer_id", "category", "orders", "spent", "largest"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A domain's private home."""
    folder = tmp_path / "home/shop"
    folder.mkdir(parents=True)
    return folder


def folded(home: Path, store: EventStore) -> int:
    """How far the state is folded, after a look that its rows are those of exactly the events up to there, and its note not ahead."""
    with connection() as con, state_opened(con, SPENT, folder_of(str(home))) as state:
        checkpoint, noted = state.checkpoint(), Checkpoint.read(state.folder)
        if checkpoint is None:
            assert noted is None
            return 0
        assert noted is None or noted.position <= checkpoint.position <= store.head().position
        assert noted is None or noted.position < checkpoint.position or noted == checkpoint
        kept = sorted_rows(con, state.rows(COLUMNS, checkpoint))
        assert kept == sorted_rows(con, rows_at(con, store, SPENT, COLUMNS, checkpoint.position))
        return checkpoint.position


def test_a_killed_feed_loses_and_doubles_no_event(publishers, home: Path, tmp_path: Path) -> None:
    moments, files, expected = random.Random(7), [], set()
    for batch in range(FILES):
        files.append(str(tmp_path / f"{batch}.jsonl"))
        said = [{"id": e.id, "type": e.type, "subject": e.subject, "time": e.time.isoformat(), "data": e.data} for e in events(batch)]
        Path(files[-1]).write_text("".join(json.dumps(one) + "\n" for one in said))
        expected |= {(e.id, e.type, e.subject, e.time, canonical(e.data)) for e in events(batch)}
    seen, longest = [0], 0.05
    for _ in range(KILLS):
        fork = publishers.begin("feed", home=str(home), files=files)
        fork.ends_within(moments.uniform(0, longest))
        fork.kill()
        store = opened(home / "events")
        seen.append(len(content(store)))
        store.close()
        longest *= 1.5 if seen[-1] == seen[-2] < len(expected) else 1.0  # a machine may be slow

    assert publishers.begin("feed", home=str(home), files=files).ends_within(60)

    store = opened(home / "events")
    assert publishers.errors == ""
    assert content(store) == expected
    assert len({count for count in seen if 0 < count < len(expected)}) > 1  # some were killed midway
    store.close()


@pytest.mark.slow
def test_a_killed_fold_is_of_exactly_the_events_up_to_its_position(publishers, home: Path) -> None:
    moments, positions, longest = random.Random(8), [0], 0.2
    for kill in range(KILLS):
        fork = publishers.begin("advance", home=str(home), first=kill, count=1000)
        fork.ends_within(moments.uniform(0, longest))
        fork.kill()
        store = opened(home / "events")
        positions.append(folded(home, store))
        store.close()
        longest *= 1.5 if positions[-1] == positions[-2] else 1.0

    assert publishers.errors == ""
    assert positions == sorted(positions)
    assert len(set(positions)) > KILLS // 4
    advance_after_each(str(home), 0, 1)
    store = opened(home / "events")
    assert folded(home, store) == store.head().position
    store.close()


def test_a_first_fold_that_is_killed_leaves_a_state_that_can_be_opened(publishers, tmp_path: Path) -> None:
    moments = random.Random(9)
    for attempt in range(15):
        home = tmp_path / f"{attempt}/shop"
        home.mkdir(parents=True)
        fork = publishers.begin("advance", home=str(home), first=0, count=1)
        fork.ends_within(moments.uniform(0, 0.05 * (1 + attempt)))
        fork.kill()

        advance_after_each(str(home), 0, 1)

        store = opened(home / "events")
        assert folded(home, store) == store.head().position
        store.close()
    assert publishers.errors == ""


def test_runs_that_fold_at_once_wait_for_each_other(publishers, home: Path) -> None:
    advance_after_each(str(home), 0, 1)
    with connection() as con, state_opened(con, SPENT, folder_of(str(home))):
        waiting = [publishers.begin("advance", home=str(home), first=first, count=5) for first in (1, 4, 7)]

        assert not any(fork.ends_within(0.3) for fork in waiting)

    assert all(fork.ends_within(60) for fork in waiting)
    assert publishers.errors == ""
    store = opened(home / "events")
    assert folded(home, store) == store.head().position == sum(len(events(batch)) for batch in range(12))
    store.close()


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Within it no file can become longer than this, which is what a full disk is to DuckDB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def full(home: Path, store: EventStore, room: int) -> str:
    """What folding says when there is no room."""
    with pytest.raises(MeshError) as refused, connection() as con, full_disk(room), state_opened(con, SPENT, folder_of(str(home))) as state:
        advance(state, store)
    return str(refused.value)


def test_a_full_disk_is_said_and_what_was_folded_stands(home: Path) -> None:
    advance_after_each(str(home), 0, 1)
    store = opened(home / "events")
    before, file = store.head().position, folder_of(str(home)) / FILE
    for batch in range(1, 400):
        store.append(events(batch))

    said = full(home, store, 2000)  # no room for the transaction

    assert said.startswith(f"{file}: what shop.spending@1 was folded to cannot be written: ")
    assert said.endswith(" What was folded before stands. Make room, then run it again.")
    assert folded(home, store) == before
    assert "cannot be written" in full(home, store, file.stat().st_size)
    assert folded(home, store) in (before, store.head().position)
    advance_after_each(str(home), 0, 1)
    assert folded(home, store) == store.head().position
    store.close()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "another"])
def test_a_damaged_state_is_said_with_the_next_step_which_mends_it(home: Path, damage: str) -> None:
    advance_after_each(str(home), 0, 3)
    folder = folder_of(str(home))
    good = (folder / FILE).read_bytes()
    flipped = bytearray(good)
    flipped[12_300::512] = bytes(255 - byte for byte in good[12_300::512])
    (folder / FILE).write_bytes({"empty": b"", "cut": good[: len(good) // 2], "flipped": bytes(flipped), "another": b"SQLite" * 99}[damage])

    with pytest.raises(MeshError) as refused:
        advance_after_each(str(home), 3, 1)

    assert str(refused.value).startswith(f"{folder / FILE}: what shop.spending@1 was folded to is damaged: ")
    assert str(refused.value).endswith(" Fold it again: dagmesh replay shop.spending@1")
    store = opened(home / "events")
    with connection() as con:
        fold_again(con, SPENT, folder, store)
    assert folded(home, store) == store.head().position
    store.close()
