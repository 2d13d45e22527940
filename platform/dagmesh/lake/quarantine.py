"""Quarantine: the rows an audit refused, in the domain's private home."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.lake import quoting
from dagmesh.lake.copied_files import COMPRESSION
from dagmesh.lake.given_rows import given_rows
from dagmesh.lake.owner_only import owner_only, private_home
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    import duckdb

FOLDER = "quarantine"


def quarantine_path(home: Path, product: Product, run_id: str) -> Path:
    """Where a run's bad rows of a product go: `<home>/home/<domain>/quarantine/<product>_v<major>.<run id>.parquet`."""
    return private_home(home, product.domain) / FOLDER / f"{product.name}_v{product.major}.{run_id}.parquet"


def write_quarantine(con: duckdb.DuckDBPyConnection, rows: Any, path: Path) -> int:
    """How many rows were written, whole at once, to a file that only its owner can read.

    Args:
        con: where the rows are computed.
        rows: FROM-able text, a relation of the same DuckDB, or a pandas, Polars or Arrow table.
        path: what `quarantine_path` gives, or another file in the domain's home.
    """
    owner_only(path.parent)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with given_rows(con, rows) as sql:
        copy = f"COPY (FROM {sql}) TO {quoting.text(str(beside))} (FORMAT parquet, {COMPRESSION})"
        ((count,),) = con.execute(copy).fetchall()
    beside.chmod(0o600)
    beside.replace(path)
    return int(count)


def remove_quarantine(home: Path, product: Product) -> list[Path]:
    """The product's quarantine files, of whatever run, now removed."""
    found = sorted((private_home(home, product.domain) / FOLDER).glob(f"{product.name}_v{product.major}.*.parquet"))
    for path in found:
        path.unlink()
    return found


def remove_old_quarantine(home: Path, before: datetime) -> list[Path]:
    """The quarantine files of all domains that were last written before a moment, now removed."""
    found = sorted((home / "home").glob(f"*/{FOLDER}/*.parquet"))
    old = [path for path in found if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before]
    for path in old:
        path.unlink()
    return old
