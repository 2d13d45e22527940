"""What was known at a position, and what was true at a moment."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.events.projecting import SPENDING, START, connection, defined, event, line, opened, sorted_rows

from dagmesh.events.projections.bitemporal import rows_at
from dagmesh.events.store import EventStore

COLUMNS = ["customer_id", "category", "orders", "spent"]
BOOK, TOY = line("books", 2, "10.00"), line("toys", 1, "5.00")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """Two orders; the first is cancelled two hours after it was placed, which arrives last."""
    store = opened(tmp_path / "events")
    store.append([event(1, "Placed", "o1", 0, customer_id="ada", lines=[BOOK, TOY])])
    store.append([event(2, "Placed", "o2", 5, customer_id="ada", lines=[BOOK])])
    store.append([event(3, "Cancelled", "o1", 2)])
    yield store
    store.close()


def rows(store: EventStore, **asked: object) -> list[tuple]:
    con = connection()
    return list(sorted_rows(con, rows_at(con, store, defined(SPENDING), COLUMNS, **asked)))


def test_a_late_event_changes_what_was_true_and_not_what_was_known(store: EventStore) -> None:
    of_both = [("ada", "books", 2, Decimal("40.00")), ("ada", "toys", 1, Decimal("5.00"))]
    after_cancelling = START + timedelta(hours=3)

    assert rows(store, position=2) == of_both
    assert rows(store) == [("ada", "books", 1, Decimal("20.00"))]
    assert rows(store, position=2, valid_at=after_cancelling) == [
        ("ada", "books", 1, Decimal("20.00")),
        ("ada", "toys", 1, Decimal("5.00")),
    ]
    assert rows(store, valid_at=after_cancelling) == []


def test_what_happened_at_the_very_moment_is_valid(store: EventStore) -> None:
    assert len(rows(store, valid_at=START)) == 2
    assert rows(store, valid_at=START - timedelta(microseconds=1)) == []


def test_rows_are_narrowed_to_a_key(store: EventStore) -> None:
    assert rows(store, position=2, key={"category": "toys"}) == [("ada", "toys", 1, Decimal("5.00"))]
    assert rows(store, position=2, key={"spent": Decimal("40.00")}) == [("ada", "books", 2, Decimal("40.00"))]
    assert rows(store, key={"customer_id": None}) == []
