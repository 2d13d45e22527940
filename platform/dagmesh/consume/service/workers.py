"""Workers as the service sees them, and the nursery that forks them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from dagmesh.consume.service.frames import HEAD, Kind
from dagmesh.errors import MeshError

_WORD = 64


class WorkerGone(Exception):
    """The worker ended while it was listened to."""


@dataclass(frozen=True)
class Frame:
    """What a worker said; `rows` is how many rows of the answer it sent so far."""

    kind: Kind
    rows: int
    content: bytearray


@dataclass(eq=False)
class Worker:
    """One worker process, as the service sees it; `socket` does not block."""

    pid: int
    socket: socket.socket
    queries: int = 0

    async def say(self, value: Any) -> None:
        """Send an ASK.

        Raises:
            WorkerGone: nobody listens.
        """
        content = json.dumps(value).encode()
        try:
            await asyncio.get_running_loop().sock_sendall(self.socket, HEAD.pack(Kind.ASK.encode(), 0, len(content)) + content)
        except OSError as error:
            raise WorkerGone from error

    async def hear(self) -> Frame:
        """The next frame; nothing is read ahead of it, so a worker that nobody hears waits.

        Raises:
            WorkerGone: there is none.
        """
        kind, rows, length = HEAD.unpack(await self._exactly(HEAD.size))
        return Frame(Kind(kind.decode()), rows, await self._exactly(length))

    async def _exactly(self, length: int) -> bytearray:
        content = bytearray(length)
        missing, loop = memoryview(content), asyncio.get_running_loop()
        try:
            while missing:
                got = await loop.sock_recv_into(self.socket, missing)
                if not got:
                    raise WorkerGone
                missing = missing[got:]
        except OSError as error:
            raise WorkerGone from error
        return content

    @property
    def is_gone(self) -> bool:
        """Whether the process ended, as far as a look at its silent socket tells."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


class Nursery:
    """The process that forks workers, started when the first is asked for and again when it died."""

    def __init__(self, lake: str, memory_mb: int) -> None:
        self._arguments = (lake, str(memory_mb))
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = asyncio.Lock()

    async def fork(self) -> Worker:
        """A new worker, which says READY when it is.

        Raises:
            MeshError: the nursery cannot fork.
        """
        ours, theirs = socket.socketpair()
        try:
            pid = await self._forked(theirs)
        except BaseException as error:
            ours.close()  # also when whoever asks for the worker is cancelled
            if isinstance(error, OSError):
                raise MeshError(f"The query service cannot start a worker: {error}. See its standard error.") from error
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return Worker(int(pid), ours)

    async def _forked(self, given: socket.socket) -> str:
        """The process id of a new worker with this end of its socket; a nursery that died is replaced once."""
        try:
            return await self._asked("fork", given)
        except OSError:
            await self.close()
            return await self._asked("fork", given)

    async def end(self, worker: Worker) -> None:
        """Kill the worker, whatever it does."""
        worker.socket.close()
        async with self._lock:
            if self._socket is not None:
                try:
                    await asyncio.to_thread(self._socket.send, f"end {worker.pid}".encode())
                except OSError:  # the nursery is gone, and its workers with it
                    self._let_go()

    async def close(self) -> None:
        """End the nursery, and with it every worker."""
        async with self._lock:
            await asyncio.to_thread(self._let_go)

    async def _asked(self, word: str, given: socket.socket) -> str:
        async with self._lock:
            return await asyncio.to_thread(self._ask, word, given)

    def _ask(self, word: str, given: socket.socket) -> str:
        if self._socket is None:
            self._start()
        assert self._socket is not None
        socket.send_fds(self._socket, [word.encode()], [given.fileno()])
        answer = self._socket.recv(_WORD)
        if not answer:
            raise ConnectionResetError("the nursery ended")
        return answer.decode()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "dagmesh.consume.service.nursery", str(theirs.fileno()), *self._arguments]
        # Few arenas: each takes address space, which is what limits a worker. A session of its own: Ctrl-C is the service's.
        env = {**os.environ, "MALLOC_ARENA_MAX": "2"}
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env, start_new_session=True, stdin=subprocess.DEVNULL)
        theirs.close()
        self._socket = ours

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.wait()
            self._process = None
