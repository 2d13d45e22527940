"""A protocol double of EventSourcingDB: its v1 API as far as observing goes, NDJSON over HTTP, in this process.

The real server cannot be had here. The double is written after the native web's API documentation and their official client, which
checks its answers: server header, heartbeats, bounds, hashes.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "secret"
SILENCE_S = 0.05


class EventSourcingDBDouble:
    """The events of a database that is served at `url`. What is in `later` comes while somebody observes and all else was sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.later: list[tuple[str, str, dict[str, Any]]] = []
        self.url = ""
        self.is_closed = threading.Event()
        self.bounds: list[dict[str, str] | None] = []  # that observers asked for

    def write(self, subject: str, type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The event, written."""
        predecessor = self.events[-1]["hash"] if self.events else "0" * 64
        event = {
            "specversion": "1.0",
            "id": str(len(self.events)),
            "time": f"2026-11-19T08:00:{len(self.events) % 60:02}.123456789Z",
            "source": "https://shop.example",
            "subject": subject,
            "type": type,
            "datacontenttype": "application/json",
            "data": data,
            "predecessorhash": predecessor,
        }
        event["hash"] = _hash(event)
        self.events.append(event)
        return event

    def after(self, place: int, bound: dict[str, str] | None, subject: str) -> Iterator[dict[str, Any]]:
        """The events from a place in the list on, within the lower bound and at or below the subject."""
        least = -1 if bound is None else int(bound["id"]) - (bound["type"] == "inclusive")
        for event in self.events[place:]:
            if int(event["id"]) > least and f"{event['subject']}/".startswith(f"{subject.rstrip('/')}/"):
                yield event

    @contextmanager
    def served(self) -> Iterator["EventSourcingDBDouble"]:
        """Within it, the database answers at `url`."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"database": self}))
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": SILENCE_S})
        thread.start()
        try:
            yield self
        finally:
            self.is_closed.set()
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    database: EventSourcingDBDouble

    def version_string(self) -> str:
        return "EventSourcingDB/1.2.0"

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._answer(HTTPStatus.NOT_FOUND)  # no v2 API

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(HTTPStatus.UNAUTHORIZED)
        elif self.path != "/api/v1/observe-events":
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._answer(HTTPStatus.OK)
            try:
                self._observe(asked["subject"], asked["options"].get("lowerBound"))
            except ConnectionError:
                self.close_connection = True  # the observer left

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()

    def _observe(self, subject: str, bound: dict[str, str] | None) -> None:
        database, place = self.database, 0
        database.bounds.append(bound)
        while not database.is_closed.is_set():
            for event in database.after(place, bound, subject):
                self._write({"type": "event", "payload": event})
            place = len(database.events)
            if database.later:
                database.write(*database.later.pop(0))
            elif not database.is_closed.wait(SILENCE_S):
                self._write({"type": "heartbeat", "payload": {}})

    def _write(self, said: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(said, separators=(",", ":")).encode() + b"\n")


def _hash(event: dict[str, Any]) -> str:
    """Version 1 of the database's hashes: of the metadata's and the data's."""
    names = ("specversion", "id", "predecessorhash", "time", "source", "subject", "type", "datacontenttype")
    metadata = hashlib.sha256("|".join(event[name] for name in names).encode()).hexdigest()
    data = hashlib.sha256(json.dumps(event["data"], separators=(",", ":")).encode()).hexdigest()
    return hashlib.sha256((metadata + data).encode()).hexdigest()
