"""Quarantine: the rows an audit refused, in the domain's private home."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from dagmesh.model.domain import Product


def quarantine_path(home: Path, product: Product, run_id: str) -> Path:
    """Where a run's bad rows of a product go: `<home>/home/<domain>/quarantine/<product>_v<major>/<run id>.parquet`."""
    raise NotImplementedError


def write_quarantine(con: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """How many rows of FROM-able `sql` were written; the file is readable by its owner only."""
    raise NotImplementedError


def remove_old_quarantine(home: Path, before: datetime) -> list[Path]:
    """The quarantine files last written before a moment, now removed."""
    raise NotImplementedError
