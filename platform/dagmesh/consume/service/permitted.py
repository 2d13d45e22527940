"""The permitted slice of a product: what a statement's own database sees of it, read by a trusted connection as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

# DuckDB 2.0.0 offers a scan's columns and conditions only to its own sources, so this is one; tests hold what it is offered.
from duckdb._sources import ArrowScanSource

from dagmesh.consume.plain_select import condition_columns
from dagmesh.errors import QueryRefused
from dagmesh.lake import quoting

if TYPE_CHECKING:
    from duckdb._sources.nodes import Node

BATCH_ROWS = 122_880
"""Rows in a batch of the slice: a row group, as DuckDB writes it."""


class SliceFailed(Exception):
    """The trusted connection could not read on; its error is the cause."""


class Permitted(ArrowScanSource):
    """The rows that some trusted SQL gives, masks and row filter in it, each time a statement scans them.

    Only the columns that a scan needs are read, and a scan's comparisons of columns with constants are done where files can be
    skipped by their statistics. Nothing is kept: a table that a statement names twice is read twice.
    """

    def __init__(self, trusted: duckdb.DuckDBPyConnection, sql: str) -> None:
        super().__init__(None)
        self._trusted = trusted
        self._sql = sql
        self.failure: BaseException | None = None
        self._schema: pa.Schema = self._of_the_lake(lambda: trusted.cursor().sql(f"FROM {sql} LIMIT 0").to_arrow_table().schema)

    def __arrow_c_schema__(self) -> object:
        """The schema, all columns."""
        return self._schema.__arrow_c_schema__()

    def accepts(self, predicate: Node) -> bool:
        """Whether every stream will hold only rows for which the predicate is true.

        Its text goes to a connection that can read files, so it is looked at as a consumer's own condition would be.
        """
        try:
            return condition_columns(self._trusted.cursor(), predicate.fragment()) <= set(self._schema.names)
        except (QueryRefused, ValueError):  # then the statement's own database compares
            return False

    def stream(self, columns: Sequence[int] | None, filters: Sequence[Node]) -> tuple[object, bool]:
        """A stream of the rows that the filters keep, and whether it holds exactly `columns`, in order."""
        names = self._schema.names if columns is None else [self._schema.names[column] for column in columns]
        wanted = ", ".join(quoting.name(name) for name in names)
        where = f" WHERE {' AND '.join(one.fragment() for one in filters)}" if filters else ""
        text = f"SELECT {wanted} FROM {self._sql}{where}"
        # It computes the first rows: a grant's condition may fail of one that the reader may not see.
        reader = self._of_the_lake(lambda: self._trusted.cursor().sql(text).to_arrow_reader(BATCH_ROWS))
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader)).__arrow_c_stream__(), columns is not None

    def _batches(self, reader: pa.RecordBatchReader) -> Any:
        while (batch := self._of_the_lake(lambda: next(reader, None))) is not None:
            yield batch

    def _of_the_lake(self, read: Callable[[], Any]) -> Any:
        """What is read; an error here is the lake's, whose words may tell of rows and files that the reader may not see."""
        try:
            return read()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            self.failure = error
            raise SliceFailed("a product's rows cannot be read on") from error
