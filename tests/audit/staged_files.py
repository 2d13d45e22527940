"""Rows as files: by DuckDB as the platform stages them, and by another writer whose statistics are there, missing or lies."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from dagmesh.audit.plan import ROWS_WORTH_A_LOOK

Statistics = Literal["there", "missing", "lying"]
STATISTICS: tuple[Statistics, ...] = ("there", "missing", "lying")
# The fewest rows that DuckDB puts in a row group.
ROW_GROUP = 2048


def staged_by_us(con: duckdb.DuckDBPyConnection, folder: Path, rows: pa.Table, parts: int) -> dict[str, int]:
    """The rows in some Parquet files that DuckDB wrote, said to be large enough that their footers are worth a look."""
    size = -(-rows.num_rows // parts) or 1
    con.register("all rows", rows)
    for part in range(parts):
        some = f"""(FROM "all rows" LIMIT {size} OFFSET {part * size})"""
        con.execute(f"COPY {some} TO '{folder}/by_us_{part}.parquet' (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})")
    return {f"{folder}/by_us_{part}.parquet": ROWS_WORTH_A_LOOK for part in range(parts)}


def staged_by_another(path: Path, rows: pa.Table, statistics: Statistics) -> None:
    """The rows in a Parquet file of many row groups, by another writer than DuckDB.

    Where its statistics lie, the largest value of a row group, of what eight bytes hold, is said to be the smallest.
    """
    pq.write_table(rows, path, row_group_size=max(4, rows.num_rows // 8), write_statistics=statistics != "missing")
    if statistics == "lying":
        _lie(path)


def _lie(path: Path) -> None:
    content, told = path.read_bytes(), pq.read_metadata(path)
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    lied = content[footer:]
    for low, high in _bounds(told):
        lied = lied.replace(high, low)
    path.write_bytes(content[:footer] + lied)
    try:
        read = pq.read_metadata(path)
    except pa.ArrowInvalid:
        read = None
    # The bytes of a bound may stand for something else too: then the file stays true.
    if read is None or _places(read) != _places(told):
        path.write_bytes(content)


def _bounds(told: pq.FileMetaData) -> list[tuple[bytes, bytes]]:
    """The smallest and the largest value of each chunk of eight bytes, as they stand in the footer."""
    chunks = [told.row_group(group).column(place) for group in range(told.num_row_groups) for place in range(told.num_columns)]
    kinds = {"INT64": "<q", "DOUBLE": "<d"}
    found = [(kinds[c.physical_type], c.statistics) for c in chunks if c.physical_type in kinds and c.is_stats_set]
    return [(_raw(kind, s.min_raw), _raw(kind, s.max_raw)) for kind, s in found if s.has_min_max and s.min_raw != s.max_raw]


def _raw(kind: str, value: Any) -> bytes:
    return struct.pack(kind, value)


def _places(told: pq.FileMetaData) -> Any:
    """All a footer says beside the statistics."""
    groups = told.to_dict()["row_groups"]
    return [[{**column, "statistics": None} for column in group["columns"]] for group in groups]
