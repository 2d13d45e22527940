"""The warm pool: workers that wait for a statement, each used by one at a time, and replaced when they end."""

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
from dagmesh.consume.service.limits import Limits
from dagmesh.errors import MeshError, ServiceBusy

_WORD = 64
_START_AGAIN = 1.0  # seconds after a worker ended before it was ready


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
            pid = await self._asked("fork", theirs)
        except OSError:
            await self.close()
            try:
                pid = await self._asked("fork", theirs)
            except OSError as error:
                ours.close()
                raise MeshError(f"The query service cannot start a worker: {error}. See its standard error.") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        return Worker(int(pid), ours)

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


class Pool:
    """So many workers, of which as many wait as are not in use; a caller waits for one in turn."""

    def __init__(self, lake: str, limits: Limits) -> None:
        self._limits = limits
        self._nursery = Nursery(lake, limits.memory_mb)
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False
        self.workers: set[Worker] = set()

    async def open(self) -> None:
        """Fork the workers and wait until each is ready.

        Raises:
            MeshError: one cannot start.
        """
        try:
            for worker in await asyncio.gather(*(self._forked() for _ in range(self._limits.workers))):
                self._idle.put_nowait(worker)
        except WorkerGone as error:
            await self.close()
            raise MeshError(
                f"A worker of the query service ended before it was ready. Has it enough memory? It has {self._limits.memory_mb} MiB."
            ) from error
        self._open = True

    async def take(self) -> Worker:
        """A worker that is ready; it is the caller's until given back or ended.

        Raises:
            ServiceBusy: none was free in time.
        """
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                while (worker := await self._idle.get()).is_gone:  # it was killed while it waited
                    await self.end(worker)
        except TimeoutError as error:
            wait = max(1, round(self._limits.wait_seconds))
            raise ServiceBusy(
                f"All {self._limits.workers} workers are busy and none was free within {self._limits.wait_seconds:g} s. "
                f"Ask again in {wait} s.",
                retry_after=wait,
            ) from error
        worker.queries += 1
        return worker

    async def give_back(self, worker: Worker) -> None:
        """Take a worker back whose statement has ended, once it is ready for the next."""
        if worker.queries >= self._limits.queries_per_worker:
            await self.end(worker)
        else:
            self._later(self._when_ready(worker))

    async def end(self, worker: Worker) -> None:
        """Kill a worker, whatever it does, and put a new one in its place."""
        self.workers.discard(worker)
        await self._nursery.end(worker)
        if self._open:
            self._later(self._add())

    async def close(self) -> None:
        """End every worker."""
        self._open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self.workers:
            worker.socket.close()
        self.workers.clear()
        await self._nursery.close()

    async def _forked(self) -> Worker:
        worker = await self._nursery.fork()
        self.workers.add(worker)
        await worker.hear()
        return worker

    async def _add(self) -> None:
        while True:
            try:
                self._idle.put_nowait(await self._forked())
            except WorkerGone:
                await asyncio.sleep(_START_AGAIN)
            else:
                return

    async def _when_ready(self, worker: Worker) -> None:
        try:
            await worker.hear()
        except WorkerGone:
            await self.end(worker)
        else:
            self._idle.put_nowait(worker)

    def _later(self, doing: Any) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
