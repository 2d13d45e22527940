"""Unix sockets in the mesh's home: reachable however long its path is, one JSON question and answer a connection."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RUN_FOLDER = "run"
LAUNCH_SOCKET = "launch.sock"
_LONGEST = 100  # bytes; a socket's address holds 108 on Linux and 104 on macOS
_SECONDS = 30.0


@contextmanager
def short(path: Path) -> Iterator[Path]:
    """A path to the same socket that fits an address: the path itself, or one through a link in the temporary folder."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dagmesh-") as folder:
        link = Path(folder) / "d"
        link.symlink_to(path.parent, target_is_directory=True)
        yield link / path.name


def listen(path: Path) -> socket.socket:
    """A listening socket that only this user can connect to; a socket left there by a process that died is replaced."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with short(path) as address:
            server.bind(str(address))
    finally:
        os.umask(before)
    server.listen(64)
    return server


def ask(path: Path, question: Mapping[str, str]) -> dict[str, str] | None:
    """What the process behind a socket answers; None when nobody listens there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS)
        try:
            with short(path) as address:
                connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        send(connection, question)
        return receive(connection)


def send(connection: socket.socket, message: Mapping[str, str]) -> None:
    """Send one message and say that it is complete."""
    connection.sendall(json.dumps(message).encode())
    connection.shutdown(socket.SHUT_WR)


def receive(connection: socket.socket) -> dict[str, str]:
    """The one message the other side sends.

    Raises:
        ConnectionError: the other side closed without a complete message.
    """
    text = b"".join(iter(lambda: connection.recv(65536), b""))
    try:
        message: dict[str, str] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConnectionError(f"the other side closed after {len(text)} bytes that are no message.") from error
    return message


def listening(path: Path) -> bool:
    """Whether a process accepts connections at a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with short(path) as address:
                connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True
