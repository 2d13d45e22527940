"""What the service and a worker say to each other over their socket: a kind, a number of rows, a length, and so many bytes."""

from __future__ import annotations

import json
import socket
import struct
from enum import StrEnum
from typing import Any

HEAD = struct.Struct("!cQI")


class Kind(StrEnum):
    """What a frame is. From the service only ASK; all others are a worker's."""

    ASK = "A"  # JSON: the statement, or what its tables stand for; null: nothing is read after all
    READY = "W"  # the worker waits for a statement
    TABLES = "T"  # JSON: schema and name of each table of the statement
    REFUSED = "X"  # the statement's mistake, in words
    LIMIT = "L"  # JSON: the limit met, and words
    FAULT = "F"  # what went wrong that is not the statement's doing
    SCHEMA = "S"  # the result's Arrow schema, as an IPC message
    PART = "P"  # bytes of the answer
    WHOLE = "B"  # bytes of the answer, with which a message of an Arrow stream is whole
    END = "E"  # JSON: whether rows were left out


def send(to: socket.socket, kind: Kind, content: bytes | memoryview = b"", rows: int = 0) -> None:
    """Send one frame; `rows` is how many rows of the answer were sent with it and before."""
    head = HEAD.pack(kind.value.encode(), rows, len(content))
    sent = to.sendmsg([head, content])
    if sent < len(head):
        to.sendall(head[sent:])
        sent = len(head)
    if sent < len(head) + len(content):
        to.sendall(memoryview(content)[sent - len(head) :])


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
