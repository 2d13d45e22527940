"""What a fork does with a domain's events, to be killed at any moment: feed files of them, or append and fold them."""

from pathlib import Path

from tests.events.projecting import SPENDING, connection, defined, event, line, opened

from dagmesh.events.event import NewEvent
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.json_lines_store import feed_json_lines
from dagmesh.events.projections.state import advance
from dagmesh.events.projections.state_files import opened as state_opened
from dagmesh.events.projections.state_files import state_folder

BATCH = 40
SPENT = defined(SPENDING)


def events(batch: int) -> list[NewEvent]:
    """A batch's events, always the same: orders of few customers, every fourth of which is cancelled by the next batch."""
    numbers = range(batch * BATCH, (batch + 1) * BATCH)
    placed = [event(n, "Placed", str(n), n / 60, customer_id=f"c{n % 7}", lines=[line("toys", 1 + n % 3, f"{n % 90}.50")]) for n in numbers]
    return [*placed, *(event(10**6 + n, "Cancelled", str(n - BATCH), n / 60) for n in numbers if n % 4 == 0 and n >= BATCH)]


def folder_of(home: str) -> Path:
    """Where the state is."""
    return state_folder(Path(home), "spending.v1", SPENT.digest())


def feed(home: str, files: list[str]) -> None:
    """Feed the files, one after the other."""
    store = opened(Path(home) / "events")
    for file in files:
        feed_json_lines(store, [Path(file)], DeadLetters(Path(home) / "dead_letters" / "feed.jsonl"))
    store.close()


def advance_after_each(home: str, first: int, count: int) -> None:
    """Append so many batches, and fold after each."""
    store = opened(Path(home) / "events")
    for batch in range(first, first + count):
        store.append(events(batch))
        with connection() as con, state_opened(con, SPENT, folder_of(home)) as state:
            advance(state, store)
    store.close()
