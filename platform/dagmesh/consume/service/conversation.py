"""What is said with one worker about one statement, within the limits of time, and what each of its words means."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from dagmesh.consume.service.frames import Kind
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.pool import Pool
from dagmesh.consume.service.workers import Frame, Worker, WorkerGone
from dagmesh.errors import MeshError, QueryLimit, QueryRefused

Table = tuple[str, str]
_LOG = logging.getLogger("dagmesh.service")


class Conversation:
    """One statement's use of a worker, from a pool; `close` is called once, whatever happened."""

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits
        self._left = limits.seconds
        self._worker: Worker | None = None
        self._is_over = False

    async def tables(self, ask: dict[str, Any]) -> tuple[list[Table], bool]:
        """The tables of a statement, by schema and name, sorted, and whether it calls no clock and no chance; it waits for a worker first.

        Raises:
            QueryRefused: it is not one plain SELECT. ServiceBusy: no worker was free.
        """
        while True:
            self._worker = await self._pool.take()
            try:
                frame = await self._said_and_heard(ask)
            except WorkerGone:  # it died while it waited, or of the statement's text: another is tried once
                await self._end()
                if self._is_over:
                    self._ended_early()
                self._is_over = True
            else:
                self._is_over = False
                said = json.loads(self._checked(frame).content)
                return [(schema, name) for schema, name in said["tables"]], said["repeatable"]

    async def schema(self, slices: Sequence[str]) -> bytearray:
        """The Arrow schema of the result, once the worker knows what its tables stand for.

        Raises:
            QueryRefused, QueryLimit: the statement cannot be run over them.
        """
        try:
            return self._checked(await self._said_and_heard({"slices": slices})).content
        except WorkerGone:
            self._ended_early()

    async def frame(self) -> Frame:
        """The next piece of the answer, or its END.

        Raises:
            QueryLimit: the statement met a limit. MeshError: the lake could not be read on.
        """
        try:
            frame = self._checked(await self._heard())
        except WorkerGone:
            self._ended_early()
        self._is_over = frame.kind is Kind.END
        return frame

    async def nothing(self) -> None:
        """Tell the worker that nothing is read after all."""
        try:
            await self._own.say(None)
            self._is_over = True
        except WorkerGone:
            self._is_over = False

    async def close(self) -> None:
        """Give the worker back, or end it when it is still at work."""
        if self._worker is not None and self._is_over:
            worker, self._worker = self._worker, None
            await self._pool.give_back(worker)
        await self._end()

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await self._pool.end(worker)

    @property
    def _own(self) -> Worker:
        if self._worker is None:  # the answer was let go of meanwhile
            raise WorkerGone
        return self._worker

    async def _said_and_heard(self, ask: Any) -> Frame:
        await self._own.say(ask)
        return await self._heard()

    async def _heard(self) -> Frame:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                frame: Frame = await self._own.hear()
        except TimeoutError as error:
            raise QueryLimit(
                f"The statement worked for {self._limits.seconds:g} s, the most it may. Name fewer columns, days or products, or "
                "download the product and compute where you are.",
                limit="time",
            ) from error
        self._left -= time.monotonic() - begun
        return frame

    def _checked(self, frame: Frame) -> Frame:
        """The frame, when it is no refusal."""
        if frame.kind is Kind.REFUSED:
            self._is_over = True
            raise QueryRefused(frame.content.decode())
        if frame.kind is Kind.LIMIT:
            self._is_over = True
            limit, words = json.loads(frame.content)
            raise QueryLimit(f"The statement met a limit: {words or self._memory}.", limit=limit)
        if frame.kind is Kind.FAULT:
            self._is_over = True
            # The lake's own words may name files, and values that the reader may not see.
            _LOG.error("a product's rows cannot be read on: %s", frame.content.decode())
            raise MeshError("A product's rows cannot be read on; the service's log says why. Ask whoever runs the service.")
        return frame

    def _ended_early(self) -> NoReturn:
        raise QueryLimit(f"The worker of the statement ended before its time; most often {self._memory}.", limit="memory")

    @property
    def _memory(self) -> str:
        return f"it needs more than the {self._limits.memory_mb} MiB of memory it may have"
