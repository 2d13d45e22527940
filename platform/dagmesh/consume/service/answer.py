"""An answer on its way from a worker to whoever asked: held a piece at a time, and recorded when it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from dagmesh.consume.read_log import ReadLog, Served
from dagmesh.consume.resolver import Reading
from dagmesh.consume.service.conversation import Conversation
from dagmesh.consume.service.frames import Kind
from dagmesh.errors import DagmeshError, MeshError, QueryLimit

Outcome = Literal["complete", "abandoned", "failed", "limit"]
_LOG = logging.getLogger("dagmesh.service")


class Answer:
    """The rows of one statement, once.

    `query` is its id in the read log, `readings` what it is computed from, `schema` the rows' Arrow schema. `rows` and `size_bytes`
    count what was handed out so far; `is_cut` says, at the end, whether more rows were left out than were asked for; `repeatable`
    whether the statement calls no clock and no chance.
    """

    def __init__(self, conversation: Conversation, log: ReadLog, query: str, client_seconds: float) -> None:
        self.query = query
        self.readings: list[Reading] = []
        self.schema = pa.schema([])
        self.rows = self.size_bytes = 0
        self.is_cut = self.repeatable = False
        self._conversation = conversation
        self._log = log
        self._begun = time.monotonic()
        self._patience = client_seconds
        self._ending: asyncio.Task[None] | None = None

    async def pieces(self) -> AsyncIterator[memoryview]:
        """The answer's bytes in the form that was asked for, as they come; the worker stops while nobody takes them.

        Raises:
            QueryLimit: the answer met a limit, or its reader let the worker wait too long; what came before is no whole answer.
        """
        async for _, content in self._frames():
            yield memoryview(content)

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        """The rows as batches, of an answer in Arrow's form; raises what `pieces` raises."""
        head, message = b"", bytearray()
        async for kind, content in self._frames():
            message += content
            if kind is Kind.WHOLE:
                head = head or _schema_of(message)
                # The first message begins with the schema, which is sent with the first batch; each later one is a batch alone.
                for batch in pa.ipc.open_stream(message if message.startswith(head) else head + message):
                    yield batch
                message = bytearray()

    async def close(self, outcome: Outcome = "abandoned") -> None:
        """Let go of the worker, which is ended when it is still at work, and record how much was handed out."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(outcome))
        await asyncio.shield(self._ending)  # whoever asked may be cancelled; the record is not

    async def _frames(self) -> AsyncIterator[tuple[Kind, bytearray]]:
        try:
            while True:
                frame = await self._conversation.frame()
                self.rows = frame.rows
                if frame.kind is Kind.END:
                    self.is_cut = json.loads(frame.content)
                    break
                if frame.content:
                    self.size_bytes += len(frame.content)
                    since = time.monotonic()
                    timer = asyncio.get_running_loop().call_later(self._patience, self._give_up)
                    yield frame.kind, frame.content
                    timer.cancel()
                    self._patience -= time.monotonic() - since
                    if self._ending is not None:
                        raise QueryLimit("The worker waited too long for the answer's reader; read faster.", limit="client")
        except DagmeshError as error:
            await self.close("limit" if isinstance(error, QueryLimit) else "failed")
            raise
        await self.close("complete")

    def _give_up(self) -> None:
        """The reader took too long: its worker is for others, it may keep what it has."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end("abandoned"))

    async def _end(self, outcome: Outcome) -> None:
        await self._conversation.close()
        if not self.readings:
            return
        served = Served(self.rows, self.size_bytes, round((time.monotonic() - self._begun) * 1000), outcome)
        try:
            await asyncio.to_thread(self._log.complete, self.query, served, datetime.now(UTC))
        except MeshError as error:
            _LOG.error("%s", error)  # the rows are handed out; their reads stand as begun


def _schema_of(stream: bytearray) -> bytes:
    """The schema with which an Arrow stream begins: four bytes of mark, four of length, so many of metadata, and no body."""
    return bytes(stream[: 8 + int.from_bytes(stream[4:8], "little")])
