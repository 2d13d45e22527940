"""The warm pool: workers that wait for a statement, each used by one at a time, and replaced when they end."""

from __future__ import annotations

import asyncio
from typing import Any

from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.workers import Nursery, Worker, WorkerGone
from dagmesh.errors import MeshError, ServiceBusy

_START_AGAIN = 1.0  # seconds after a worker ended before it was ready


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
