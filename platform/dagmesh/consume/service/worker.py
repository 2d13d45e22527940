"""What a worker does: it reads a statement, is told what its tables stand for, runs it where there are no files, and streams the rows.

Two databases live in a worker. The trusted one reads the lake's files for the permitted slices. The statement runs in the
other, made anew for each, which can open no file and change no setting. The process around both has its own limit of memory, and
the service kills it when it takes too long: DuckDB's limits alone do not hold every function.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from itertools import chain
from typing import Any

import duckdb
import pyarrow as pa

from dagmesh.consume.plain_select import condition_columns, is_repeatable, settled, tables_of
from dagmesh.consume.service.forms import writer
from dagmesh.consume.service.frames import Kind, receive, send
from dagmesh.consume.service.limits import MEBIBYTE
from dagmesh.consume.service.permitted import Permitted, SliceFailed
from dagmesh.errors import QueryRefused
from dagmesh.lake import quoting
from dagmesh.lake.storage import storage_of

ROWS_SENT = 16_384
"""Rows in a batch of an answer: about a megabyte, which is what the service holds of it."""
_PIECE, _PARTS = MEBIBYTE, 500  # bytes, and parts of a buffer or more, that are sent at once

# What DuckDB says when the process, not its own account of memory, has no more; a text of the statement's own may say it too.
_OF_MEMORY = re.compile(r"bad_alloc|failed to allocate|resource temporarily unavailable|could not start thread", re.IGNORECASE)


class LimitMet(Exception):
    """The answer reached a limit; `args` are which one, and words."""


def work(service: socket.socket, lake: str, memory_mb: int) -> None:
    """Answer statements until the service hangs up.

    Args:
        service: where statements come from.
        lake: the lake's root.
        memory_mb: what the two databases share.
    """
    trusted = _database(memory_mb // 4, external=True)
    storage_of(lake).register(trusted)
    while True:
        untrusted = _database(memory_mb // 2, external=False)
        send(service, Kind.READY)
        try:
            _answer(service, trusted, untrusted)
        except EOFError:
            return
        untrusted.close()


def _database(memory_mb: int, *, external: bool) -> duckdb.DuckDBPyConnection:
    """A new database in memory, in UTC; one that is not `external` can open nothing once it is locked."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "preserve_insertion_order": not external,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{memory_mb}MiB",
        "temp_directory": "",
        # Of the eight that read ahead from storage each has a stack, which the process's limit counts; this one reads nothing.
        **({} if external else {"async_threads": 0}),
    }
    con = duckdb.connect(config=config)
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    return con


def _answer(service: socket.socket, trusted: duckdb.DuckDBPyConnection, untrusted: duckdb.DuckDBPyConnection) -> None:
    ask = receive(service)
    slices: list[Permitted] = []
    try:
        _run(service, ask, (trusted, untrusted), slices)
    except QueryRefused as refusal:
        send(service, Kind.REFUSED, str(refusal).encode())
    except LimitMet as limit:
        send(service, Kind.LIMIT, json.dumps(limit.args).encode())
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError):
        send(service, Kind.LIMIT, json.dumps(["memory", ""]).encode())
    except SliceFailed as failed:
        _say_why(service, failed, failed.__cause__)
    except (BrokenPipeError, ConnectionResetError):
        raise  # the service is gone, or wants no more
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        is_lakes = ask["columns"] is not None  # then there is no statement but the service's own
        _say_why(service, error, error if is_lakes else next((one.failure for one in slices if one.failure), None))


def _run(
    service: socket.socket, ask: Any, databases: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], slices: list[Permitted]
) -> None:
    """Run the statement on the untrusted database over slices of the trusted one, each put into `slices`."""
    trusted, untrusted = databases
    if ask["condition"] is not None:
        condition_columns(trusted.cursor(), ask["condition"])
    statement = settled(trusted.cursor(), ask["statement"]) if ask["in_order"] else ask["statement"]
    tables = sorted(tables_of(trusted.cursor(), statement))
    said = {"tables": tables, "repeatable": is_repeatable(trusted.cursor(), statement)}
    send(service, Kind.TABLES, json.dumps(said).encode())
    told = receive(service)
    if told is None:
        return
    if ask["columns"] is not None:
        wanted = ", ".join(quoting.name(name) for name in ask["columns"])
        _stream(service, trusted.cursor().sql(f"SELECT {wanted} FROM {told['slices'][0]}"), ask)
        return
    for number, (table, sql) in enumerate(zip(tables, told["slices"], strict=True)):
        slices.append(_offer(untrusted, f"slice_{number}", table, Permitted(trusted, sql)))
    untrusted.execute("SET enable_external_access = false")
    untrusted.execute("SET lock_configuration = true")
    _stream(service, untrusted.sql(statement), ask)


def _say_why(service: socket.socket, error: Exception, failure: BaseException | None) -> None:
    """Tell whose mistake it was: the statement's, unless the lake could not be read."""
    if isinstance(failure, duckdb.OutOfMemoryException) or _OF_MEMORY.search(str(failure or error)):
        send(service, Kind.LIMIT, json.dumps(["memory", ""]).encode())
    elif failure is not None:
        send(service, Kind.FAULT, str(failure).encode())
    else:
        said = str(error).partition("\n\nLINE ")[0]
        send(service, Kind.REFUSED, f"The query cannot be run. DuckDB says: {said}".encode())


def _offer(untrusted: duckdb.DuckDBPyConnection, name: str, table: tuple[str, str], rows: Permitted) -> Permitted:
    schema, product = quoting.name(table[0] or "main"), quoting.name(table[1])
    untrusted._register_arrow_source(name, rows)
    untrusted.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    untrusted.execute(f"CREATE VIEW {schema}.{product} AS FROM {name}")
    return rows


def _stream(service: socket.socket, result: duckdb.DuckDBPyRelation, ask: dict[str, Any]) -> None:
    reader = result.to_arrow_reader(ROWS_SENT)
    schema = _plain(reader.schema)
    rows = _Rows(reader, ask["max_rows"], ask["limit_rows"])
    batches = iter(rows)
    # The first rows before the first word: what a sort or an aggregate fails of is a refusal, not an answer that breaks off.
    first = next(batches, None)
    send(service, Kind.SCHEMA, [schema.serialize()])
    sink = _Sink(service, lent=ask["form"] == "arrow")
    out = writer(ask["form"], sink, schema)
    sink.flush()
    for batch in chain([first] if first else [], batches):
        sink.rows += len(batch)  # before its first piece goes: who breaks off within it has read it
        out.write_batch(batch.cast(schema) if batch.schema != schema else batch)
        if ask["form"] == "arrow":
            sink.flush()
    out.close()
    sink.flush()
    send(service, Kind.END, json.dumps(rows.is_cut).encode(), sink.rows)


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with texts where DuckDB gives an ENUM, so that each batch stands for itself."""
    fields = [field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in schema]
    return pa.schema(fields)


class _Rows:
    """A reader's batches, at most so many rows of them; `is_cut` says afterwards whether there were more.

    Raises:
        LimitMet: more rows than the service gives.
    """

    def __init__(self, reader: pa.RecordBatchReader, most: int | None, limit: int) -> None:
        self._reader = reader
        self._left = limit if most is None else min(most, limit)
        self._limit = limit if most is None or most > limit else None
        self.is_cut = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            self.is_cut = len(batch) > self._left
            if self.is_cut and self._limit is not None:
                raise LimitMet("rows", f"the answer has more than {self._limit:,} rows")
            if self._left and len(batch):
                yield batch.slice(0, self._left)
            self._left -= min(self._left, len(batch))
            if self.is_cut:
                return


class _Sink:
    """A file-like object whose bytes go to the service in pieces; `rows` is how many were begun.

    Buffers that are `lent` stay as they are until they are sent, so they are not copied: those of an Arrow stream.
    """

    closed = False

    def __init__(self, service: socket.socket, *, lent: bool) -> None:
        self._service = service
        self._lent = lent
        self._waiting: list[Any] = []
        self._size = 0
        self.rows = 0

    def write(self, some: Any) -> int:
        """Take bytes; a piece that is full is sent."""
        self._waiting.append(some if self._lent else bytes(some))
        self._size += len(some)
        if self._size >= _PIECE or len(self._waiting) >= _PARTS:
            self._send(Kind.PART)
        return len(some)

    def flush(self) -> None:
        """Send what waits; an Arrow message is whole with it."""
        self._send(Kind.WHOLE)

    def _send(self, kind: Kind) -> None:
        send(self._service, kind, self._waiting, self.rows)
        self._waiting, self._size = [], 0

    def close(self) -> None:
        """Nothing: the service's socket stays open."""
