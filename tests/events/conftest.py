"""A store that feeds fill, and where their dead letters go."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.events.feeding import opened

from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.store import EventStore


@pytest.fixture
def fed_store(tmp_path: Path) -> Iterator[EventStore]:
    store = opened(tmp_path / "home" / "events")
    yield store
    store.close()


@pytest.fixture
def dead_letters(tmp_path: Path) -> DeadLetters:
    return DeadLetters(tmp_path / "home" / "dead_letters" / "orders.jsonl")


@pytest.fixture
def broken_cursors() -> Callable[[EventStore], AbstractContextManager[None]]:
    """Within it no cursor of the store can be noted, as after a crash between the append and the cursor."""

    @contextmanager
    def broken(store: EventStore) -> Iterator[None]:
        with Cursors(store, "any"), sqlite3.connect(store.path.with_name("feeds.sqlite")) as con:
            con.execute("CREATE TRIGGER full BEFORE INSERT ON cursors BEGIN SELECT RAISE(ABORT, 'no space'); END")
        con.close()
        yield
        with sqlite3.connect(store.path.with_name("feeds.sqlite")) as con:
            con.execute("DROP TRIGGER full")
        con.close()

    return broken
