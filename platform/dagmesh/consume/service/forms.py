"""The forms of an answer: Arrow's IPC stream, Parquet, CSV and JSON, written batch by batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from dagmesh.model.json_ready import json_ready

Form = Literal["arrow", "parquet", "csv", "json"]


class Writer(Protocol):
    """Writes batches to a file-like object; what `close` adds makes the answer whole."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""

    def close(self) -> None:
        """Write the end."""


def writer(form: Form, sink: Any, schema: pa.Schema) -> Writer:
    """What writes an answer of the schema to a file-like object."""
    return _WRITERS[form](sink, schema)


class _Parquet:
    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        self._writer = pa.parquet.ParquetWriter(sink, schema, compression="zstd")

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Csv:
    """RFC 4180 with a head; an empty text is quoted, a NULL is not; lists and structures are JSON."""

    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        self._texts = [pa.types.is_nested(field.type) for field in schema]
        fields = [pa.field(field.name, pa.string() if text else field.type) for field, text in zip(schema, self._texts, strict=True)]
        self._schema = pa.schema(fields)
        self._writer = pa.csv.CSVWriter(sink, self._schema)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [_as_json(column) if text else column for column, text in zip(batch.columns, self._texts, strict=True)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _as_json(column: pa.Array) -> pa.Array:
    return pa.array([None if value is None else _json(value) for value in column.to_pylist()], pa.string())


class _Json:
    """`{"columns": [{"name", "type"}], "rows": [[...], ...]}`: rows are lists, so that two columns may have one name."""

    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        self._sink = sink
        self._comma = ""
        columns = [{"name": field.name, "type": str(field.type)} for field in schema]
        sink.write(f'{{"columns": {_json(columns)}, "rows": ['.encode())

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            self._sink.write(f"{self._comma}\n{_json(row)}".encode())
            self._comma = ","

    def close(self) -> None:
        self._sink.write(b"\n]}\n")


def _json(value: Any) -> str:
    return json.dumps(json_ready(value), ensure_ascii=False)


_WRITERS: Mapping[Form, Callable[[Any, pa.Schema], Writer]] = {
    "arrow": pa.ipc.new_stream,
    "parquet": _Parquet,
    "csv": _Csv,
    "json": _Json,
}
