"""The path of a query: its text is read by a worker, its products are resolved and recorded here, its rows come from the worker."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.read_log import Asking, ReadLog, Via
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.consume.service.answer import Answer
from dagmesh.consume.service.conversation import Conversation, Table
from dagmesh.consume.service.forms import Form
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.pool import Pool
from dagmesh.consume.service.readers import Readers
from dagmesh.errors import AccessRefused, DagmeshError, MeshError, PolicyViolated, QueryLimit, ServiceBusy
from dagmesh.model.mesh import Mesh

_NO_REFUSAL = (AccessRefused, PolicyViolated, ServiceBusy, MeshError)
"""What is not recorded as a refused statement: the first two the resolver recorded, the others are the service's own doing."""


@dataclass(frozen=True)
class Statement:
    """A statement as it is asked: `days` are the only ones read of the products, `max_rows` the most rows wanted; None is all.

    `condition` is a part of the text that has to be one condition over the columns of a row. `columns` says that the text is the
    service's own, and asks for these columns of one product and for nothing else: it needs no database of its own. `in_order` gives
    the first rows in the same order each time, where the statement does not order them itself.
    """

    text: str
    form: Form = "arrow"
    max_rows: int | None = None
    days: Collection[date] | None = None
    condition: str | None = None
    columns: tuple[str, ...] | None = None
    in_order: bool = False


class Queries:
    """Runs statements for principals; open it in the event loop that uses it, and close it there."""

    def __init__(self, mesh: Mesh, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.readers = Readers(mesh)
        self.pool = Pool(self.readers.lake.root, self.limits)
        self._log = ReadLog(mesh.home)

    async def open(self) -> None:
        """Start the workers.

        Raises:
            MeshError: one does not start.
        """
        await self.pool.open()

    async def close(self) -> None:
        """End the workers, whatever they do."""
        await self.pool.close()

    async def run(
        self,
        principal: Principal,
        statement: str | Statement,
        *,
        purpose: str | None = None,
        via: Via = "http",
        max_rows: int | None = None,
    ) -> Answer:
        """The answer of one SELECT over products, its schema known, none of its rows sent yet; read it to its end, or close it.

        Args:
            principal: who asks.
            statement: the SELECT, or with it a form other than Arrow's.
            purpose: what it is read for; recorded.
            via: the door it came through; recorded.
            max_rows: give no more rows; the answer says when there were more.

        Raises:
            QueryRefused, QueryLimit: the statement cannot be run, or takes too much. ServiceBusy: no worker was free.
            What the resolver raises: nothing was read.
        """
        asked = Statement(statement, max_rows=max_rows) if isinstance(statement, str) else statement
        asking = Asking(principal.name, via, statement=hashlib.sha256(asked.text.encode()).hexdigest())
        resolver = self.readers.resolver(principal.reader, purpose, asking)
        conversation = Conversation(self.pool, self.limits)
        answer = Answer(conversation, self._log, asking.query, self.limits.client_seconds)
        try:
            await self._begin(answer, conversation, asked, resolver)
        except BaseException as error:
            await answer.close("limit" if isinstance(error, QueryLimit) else "failed" if isinstance(error, Exception) else "abandoned")
            if isinstance(error, DagmeshError) and not answer.readings and not isinstance(error, _NO_REFUSAL):
                await asyncio.to_thread(self._log.refuse, asking, principal.reader, str(error), datetime.now(UTC), purpose)
            raise
        return answer

    async def _begin(self, answer: Answer, conversation: Conversation, asked: Statement, resolver: Resolver) -> None:
        limits = self.limits
        if len(asked.text) > limits.statement_length:
            long = f"{len(asked.text):,} characters, and one may have {limits.statement_length:,}"
            raise QueryLimit(f"The statement has {long}.", limit="length")
        ask: dict[str, Any] = {"statement": asked.text, "form": asked.form, "max_rows": asked.max_rows, "limit_rows": limits.rows}
        ask |= {"condition": asked.condition, "columns": asked.columns, "in_order": asked.in_order}
        tables, answer.repeatable = await conversation.tables(ask)
        try:
            await asyncio.to_thread(_resolve, resolver, tables, asked.days, answer.readings)
        except DagmeshError:
            await conversation.nothing()
            raise
        schema = await conversation.schema([reading.sql for reading in answer.readings])
        answer.schema = pa.ipc.read_schema(pa.py_buffer(schema))


def _resolve(resolver: Resolver, tables: list[Table], days: Collection[date] | None, into: list[Reading]) -> None:
    """Resolve the tables one after the other; those that were, and so are recorded, are in `into` also when a later one is refused."""
    for domain, name in tables:
        into.append(resolver.resolve(f"{domain}.{name}" if domain else name, days))
