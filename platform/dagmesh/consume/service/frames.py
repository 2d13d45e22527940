"""What the service and a worker say to each other over their socket: a kind, a number of rows, a length, and so many bytes."""

from __future__ import annotations

import json
import socket
import struct
from enum import StrEnum
from typing import Any

HEAD = struct.Struct("!cQI")
MOST = 2 << 20
"""Bytes of a frame at most, however long a row is: what the service holds of an answer."""


class Kind(StrEnum):
    """What a frame is. From the service only ASK; all others are a worker's."""

    ASK = "A"  # JSON: the statement, or what its tables stand for; null: nothing is read after all
    READY = "W"  # the worker waits for a statement
    TABLES = "T"  # JSON: schema and name of each table of the statement, and whether it gives the same rows again
    REFUSED = "X"  # the statement's mistake, in words
    LIMIT = "L"  # JSON: the limit met, and words
    FAULT = "F"  # what went wrong that is not the statement's doing
    SCHEMA = "S"  # the result's Arrow schema, as an IPC message
    PART = "P"  # bytes of the answer
    WHOLE = "B"  # bytes of the answer, with which a message of an Arrow stream is whole
    END = "E"  # JSON: whether rows were left out


def send(to: socket.socket, kind: Kind, content: bytes | list[Any] = b"", rows: int = 0) -> None:
    """Send one frame, or as many of its kind as long content takes; the last alone is of a kind that makes something whole.

    Args:
        to: a socket that blocks.
        kind: what the frame is.
        content: bytes, or a list of buffers of bytes that are sent one after the other, none of them copied here.
        rows: how many rows of the answer were sent with it and before.
    """
    given = content if isinstance(content, list) else [content]
    parts = [memoryview(part).cast("B") for part in given if len(part)]
    if sum(map(len, parts)) > MOST:
        for part in parts:
            for start in range(0, len(part), MOST):
                _send(to, Kind.PART, [part[start : start + MOST]], rows)
        parts = []
    _send(to, kind, parts, rows)


def _send(to: socket.socket, kind: Kind, parts: list[memoryview], rows: int) -> None:
    waiting = [memoryview(HEAD.pack(kind.value.encode(), rows, sum(map(len, parts)))), *parts]
    while waiting:
        sent = to.sendmsg(waiting)
        while waiting and sent >= len(waiting[0]):
            sent -= len(waiting.pop(0))
        if sent:
            waiting[0] = waiting[0][sent:]


def receive(source: socket.socket) -> Any:
    """The next ASK's JSON value.

    Raises:
        EOFError: the service hung up.
    """
    _, _, length = HEAD.unpack(_exactly(source, HEAD.size))
    return json.loads(_exactly(source, length))


def _exactly(source: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        some = source.recv(length - len(content))
        if not some:
            raise EOFError
        content += some
    return bytes(content)
