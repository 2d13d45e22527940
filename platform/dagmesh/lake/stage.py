"""Stages: rows written beside a table where no reader looks, until they are published or discarded."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.lake.copied_files import CopiedFile, Copy, copied
from dagmesh.lake.encrypting import secret_columns
from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.rows_sql import pattern_free, rows_sql
from dagmesh.lake.storage import Storage
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    import duckdb

# Delta's readers and vacuums do not look into folders that begin with an underscore.
STAGES = "_stage"


@dataclass(frozen=True)
class Stage:
    """Staged rows of a product; `days` are the days asked for, none for a whole product."""

    product: Product
    days: tuple[date, ...]
    files: tuple[CopiedFile, ...]
    storage: Storage
    folder: str

    @property
    def rows(self) -> dict[date | None, int]:
        """How many rows each day has (None: the whole product)."""
        counts: dict[date | None, int] = {}
        for file in self.files:
            counts[file.day] = counts.get(file.day, 0) + file.rows
        return counts

    @property
    def parquet(self) -> dict[str, int]:
        """Its files as DuckDB takes them, each with its number of rows."""
        return {pattern_free(self.storage.path(file.path)): file.rows for file in self.files}

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the staged rows (of these days), columns in contract order."""
        paths = [self.storage.path(file.path) for file in self.files if days is None or file.day in days]
        return rows_sql(paths, columns(self.product), self.product.partitioned_by)

    def discard(self) -> None:
        """Remove what is left of the stage."""
        self.storage.remove(self.folder)


def columns(product: Product) -> list[tuple[str, str]]:
    """Name and DuckDB type of each column of the product, in contract order."""
    return [(column.name, column.type.duckdb) for column in product.contract.columns]


def staged(con: duckdb.DuckDBPyConnection, sql: str, product: Product, days: Collection[date], storage: Storage, salt: str = "") -> Stage:
    """The rows of FROM-able `sql` staged beside the table at `storage`; for the arguments see `Table.stage` and `Copy`."""
    if bool(days) != bool(product.partitioned_by):
        raise ValueError(f"{product.address}: a daily product is staged for days, a whole one for none; got {sorted(map(str, days))}.")
    folder = f"{STAGES}/{uuid.uuid4().hex}"
    if secret_columns(product):
        owner_only(Path(storage.path(folder)))  # until it is encrypted it is for nobody else
    copy = Copy(sql, columns(product), product.partitioned_by, set(days), salt)
    try:
        files = copied(con, copy, storage, folder, str(product.address))
    except BaseException:
        storage.remove(folder)
        raise
    return Stage(product, tuple(sorted(days)), files, storage, folder)
