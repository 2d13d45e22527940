"""The law of feeds: in whatever order, however often and however interrupted events are handed over, the store has the same."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.feeding import cloudevent, content, event, line, opened

from dagmesh.events.event import canonical
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Arrival, take
from dagmesh.events.feeds.json_lines_store import feed_json_lines
from dagmesh.events.feeds.parquet import feed_parquet
from dagmesh.events.store import EventStore

BROKEN = ["[", "{}", '{"id": 7}', line(7, type="OrderLost").strip(), line(7, eur="two").strip()]
NUMBERS = st.lists(st.integers(0, 9), max_size=8)
# A step hands something over by one feed, and may be cut off after some bytes, or happen in a process that starts anew.
LINES = st.lists(st.one_of(st.integers(0, 9), st.sampled_from(BROKEN)), max_size=8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lines"), st.integers(0, 2), LINES, st.integers(0, 200)),
        st.tuples(st.just("rows"), st.integers(0, 2), NUMBERS, st.just(0)),
        st.tuples(st.just("messages"), st.just(0), NUMBERS, st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just([]), st.just(0)),
        st.tuples(st.just("again"), st.just(0), st.just([]), st.just(0)),
    ),
    max_size=8,
)


class Site:
    """A folder of files that grow, with feeds into one store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, opened(folder / "events")
        self.dead_letters = DeadLetters(folder / "dead_letters" / "orders.jsonl")
        self.numbers: set[int] = set()

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def lines(self, name: int, items: list[int | str], unfinished: int) -> None:
        """More lines in a file; the feed looks while the last bytes are not written yet, and again when they are."""
        path = self.folder / f"{name}.jsonl"
        text = b"".join(((line(item).strip() if isinstance(item, int) else item) + "\n").encode() for item in items)
        with path.open("ab") as file:
            file.write(text[: max(0, len(text) - unfinished)])
            file.flush()
            feed_json_lines(self.store, [path], self.dead_letters)
            file.write(text[max(0, len(text) - unfinished) :])
        feed_json_lines(self.store, [path], self.dead_letters)
        self.numbers |= {item for item in items if isinstance(item, int)}

    def rows(self, name: int, numbers: list[int], _: int) -> None:
        """A Parquet file, new or in the place of another."""
        if numbers:
            path = self.folder / f"{name}.parquet"
            events = [cloudevent(number) for number in numbers]
            stamped = [
                said | {"time": datetime.fromisoformat(said["time"]).astimezone(UTC), "data": json.dumps(said["data"])} for said in events
            ]
            pq.write_table(pa.Table.from_pylist(stamped), path, row_group_size=3)
            feed_parquet(self.store, [path], self.dead_letters, again=True)
        self.numbers |= set(numbers)

    def messages(self, _: int, numbers: list[int], __: int) -> None:
        """Messages that are delivered twice, as after a lost acknowledgement."""
        arrivals = [Arrival(place, "", event(number)) for place, number in enumerate(numbers)]
        take(self.store, "stream", arrivals, self.dead_letters)
        take(self.store, "stream", arrivals, self.dead_letters)
        self.numbers |= set(numbers)

    def restart(self, *_: object) -> None:
        self.store.close()
        self.store = opened(self.folder / "events")
        self.dead_letters = DeadLetters(self.dead_letters.path)

    def again(self, *_: object) -> None:
        feed_json_lines(self.store, reversed(self.files), self.dead_letters, again=True)


def told(numbers: set[int]) -> set[tuple[object, ...]]:
    events = [event(number) for number in numbers]
    return {(one.id, one.type, one.subject, one.time, canonical(one.data)) for one in events}


@settings(deadline=None, max_examples=40)
@given(steps=STEPS)
def test_in_any_interleaving_with_duplicates_and_restarts_the_store_has_each_event_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple]
) -> None:
    site = Site(tmp_path_factory.mktemp("law"))

    for name, *arguments in steps:
        getattr(site, name)(*arguments)

    assert content(site.store) == told(site.numbers)
    site.store.close()


@settings(deadline=None, max_examples=40)
@given(steps=STEPS)
def test_each_broken_line_is_one_dead_letter_however_often_it_was_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple]
) -> None:
    site = Site(tmp_path_factory.mktemp("law"))

    for name, *arguments in steps:
        getattr(site, name)(*arguments)

    there = [(letter.file, letter.line, letter.text) for letter in site.dead_letters.read() if not letter.reason.startswith("cut off")]
    written = [
        (str(path), number, text) for path in site.files for number, text in enumerate(path.read_text().splitlines(), 1) if text in BROKEN
    ]
    assert len(there) == len(set(there))
    assert set(written) <= {(letter.file, letter.line, letter.text) for letter in site.dead_letters.read()}
    assert set(there) <= set(written)
    site.store.close()


def test_two_stores_that_got_the_same_in_another_order_hold_the_same(tmp_path: Path) -> None:
    stores: list[EventStore] = [opened(tmp_path / name) for name in "ab"]
    stores[0].append([event(1), event(2), event(3)])
    stores[1].append_each([event(3), event(1), event(1), event(2)])

    assert content(stores[0]) == content(stores[1])
    for store in stores:
        store.close()
