"""A NATS JetStream stream into the store, on a real server: a message is acknowledged when its event is on the disk, not before."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.events.feeding import NOON, content, ids, line

from dagmesh.errors import EventRefused
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import Fed
from dagmesh.events.feeds.nats_jetstream import JetStream, feed_nats_jetstream
from dagmesh.events.store import EventStore

nats = pytest.importorskip("nats", reason="no nats-py: uv pip install --group dev")
SERVER = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
pytestmark = pytest.mark.skipif(SERVER is None, reason="no nats-server: uv pip install --group dev")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a NATS server from the wheel, with JetStream."""
    command = [str(SERVER), "-js", "-sd", str(tmp_path_factory.mktemp("nats")), "-a", "127.0.0.1", "-p", "-1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = ""
        for said in process.stderr:
            if "Listening for client connections on " in said:
                address = said.rpartition(" ")[2].strip()
            if "Server is ready" in said:
                break
        yield f"nats://{address}"
        process.terminate()


def with_jetstream(server: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        client = await nats.connect(server)
        try:
            return await work(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.fixture
def source(server: str, request: pytest.FixtureRequest) -> JetStream:
    """A stream of its own for each test."""
    name = request.node.name[:60].replace("[", "_").replace("]", "_")
    with_jetstream(server, lambda stream: stream.add_stream(name=name, subjects=[name]))
    return JetStream(server, name, patience_s=0.3, redelivered_after_s=1)


def publish(source: JetStream, *messages: str | bytes) -> None:
    async def work(stream: Any) -> None:
        for message in messages:
            await stream.publish(source.stream, message.encode() if isinstance(message, str) else message)

    with_jetstream(source.servers, work)


def waiting(source: JetStream) -> tuple[int, int]:
    """How many messages were not delivered, and how many not acknowledged."""
    info = with_jetstream(source.servers, lambda stream: stream.consumer_info(source.stream, source.consumer))
    return info.num_pending, info.num_ack_pending


def fed_until_acknowledged(store: EventStore, source: JetStream, dead_letters: DeadLetters) -> Fed:
    """What comes of feeding until the server has no message left; it hands over again after a second."""
    fed = Fed()
    deadline = time.monotonic() + 30
    while fed == Fed() or waiting(source) != (0, 0):
        assert time.monotonic() < deadline
        fed += feed_nats_jetstream(store, source, dead_letters)
    return fed


def test_messages_are_events_in_their_order_and_acknowledged(fed_store: EventStore, dead_letters: DeadLetters, source: JetStream) -> None:
    publish(source, line(2), line(1), line(2))

    assert feed_nats_jetstream(fed_store, source, dead_letters, now=NOON) == Fed(appended=2, known=1)

    assert ids(fed_store) == ["e2", "e1"]
    assert waiting(source) == (0, 0)
    assert feed_nats_jetstream(fed_store, source, dead_letters) == Fed()


def test_messages_that_are_no_events_are_dead_letters_and_not_delivered_again(
    fed_store: EventStore, dead_letters: DeadLetters, source: JetStream
) -> None:
    publish(source, line(1), "broken", b"\xff", line(7, type="OrderLost"), line(1, eur=2), line(2))

    assert feed_nats_jetstream(fed_store, source, dead_letters) == Fed(appended=2, dead=4)

    assert {letter.line: letter.reason for letter in dead_letters.read()} == {
        2: "not JSON: Expecting value: line 1 column 1 (char 0).",
        3: "not UTF-8: byte 1 of the line.",
        4: "event e7: unknown type 'OrderLost'; register it, or choose OrderPlaced.",
        5: "event e1 is at position 1 with other content; an id belongs to one event for ever.",
    }
    assert {letter.file for letter in dead_letters.read()} == {f"nats stream {source.stream}"}
    assert waiting(source) == (0, 0)


def test_nothing_is_acknowledged_when_the_store_cannot_be_written(
    fed_store: EventStore, dead_letters: DeadLetters, source: JetStream
) -> None:
    publish(source, line(1), line(2))
    fed_store._con.execute("PRAGMA query_only = ON")

    with pytest.raises(EventRefused, match="nothing was appended; SQLite says: attempt to write a readonly database"):
        feed_nats_jetstream(fed_store, source, dead_letters)

    fed_store._con.execute("PRAGMA query_only = OFF")
    assert ids(fed_store) == []
    assert fed_until_acknowledged(fed_store, source, dead_letters) == Fed(appended=2)


FEED = """
    import sys
    from pathlib import Path
    from dagmesh.events.feeds.dead_letters import DeadLetters
    from dagmesh.events.feeds.nats_jetstream import JetStream, feed_nats_jetstream
    from dagmesh.events.store import EventStore
    folder, server, stream, letters = sys.argv[1:]
    source = JetStream(server, stream, redelivered_after_s=1)
    feed_nats_jetstream(EventStore(Path(folder), "shop/orders"), source, DeadLetters(Path(letters)))
"""


def test_a_feed_that_is_killed_between_append_and_acknowledgement_doubles_nothing(
    fed_store: EventStore, dead_letters: DeadLetters, source: JetStream
) -> None:
    publish(source, line(1), "broken", line(2))
    dead_letters.path.parent.mkdir()
    with dead_letters.path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the feed has appended and waits to write its dead letter, before it acknowledges
        arguments = [str(fed_store.path.parent), str(source.servers), source.stream, str(dead_letters.path)]
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(FEED), *arguments]) as process:
            while fed_store.head().position < 2:
                assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
    assert waiting(source) == (0, 3)

    assert fed_until_acknowledged(fed_store, source, dead_letters) == Fed(appended=0, known=2, dead=1)

    assert len(content(fed_store)) == 2
    assert len(list(dead_letters.read())) == 1
