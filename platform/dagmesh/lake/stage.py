"""Stages: rows written beside a table where no reader looks, until they are published or discarded."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.lake.copied_files import CopiedFile, Copy, copied, hashed
from dagmesh.lake.encrypting import secret_columns
from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.row_hash import row_hash_sql
from dagmesh.lake.rows_sql import pattern_free, rows_sql
from dagmesh.lake.storage import Storage
from dagmesh.model.domain import Product

if TYPE_CHECKING:
    import duckdb

# Delta's readers and vacuums do not look into folders that begin with an underscore.
STAGES = "_stage"


@dataclass(frozen=True)
class Stage:
    """Staged rows of a product; `days` are the days asked for, none for a whole product; `salt` is what row hashes are begun with."""

    product: Product
    days: tuple[date, ...]
    files: tuple[CopiedFile, ...]
    storage: Storage
    folder: str
    salt: str = ""

    @property
    def rows(self) -> dict[date | None, int]:
        """How many rows each day has (None: the whole product)."""
        counts: dict[date | None, int] = {}
        for file in self.files:
            counts[file.day] = counts.get(file.day, 0) + file.rows
        return counts

    def parquet(self, days: Collection[date] | None = None) -> dict[str, int]:
        """Its files (of these days) as DuckDB takes them, each with its number of rows."""
        chosen = [file for file in self.files if days is None or file.day in days]
        return {pattern_free(self.storage.path(file.path)): file.rows for file in chosen}

    @property
    def stored(self) -> list[tuple[str, str]]:
        """Name and DuckDB type of each column that the files have: the day is the folder's name."""
        return [(name, kind) for name, kind in columns(self.product) if name != self.product.partitioned_by]

    @property
    def row_hash(self) -> str:
        """SQL of the hash of one of its rows: who reads them anyway may sum it up by day for `with_row_hashes`."""
        return row_hash_sql(self.stored, self.salt)

    def with_row_hashes(self, con: duckdb.DuckDBPyConnection, sums: Mapping[date | None, int]) -> Stage:
        """The stage whose files have their row hashes, from the days' sums: the sum is that of the day's file.

        Where a day has several files, or no sum, its files are read.
        """
        number = Counter(file.day for file in self.files)
        known = [file if number[file.day] > 1 or file.day not in sums else replace(file, row_hash=sums[file.day]) for file in self.files]
        return replace(self, files=hashed(con, self.stored, self.storage, known, self.salt))

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the staged rows (of these days), columns in contract order."""
        paths = [self.storage.path(file.path) for file in self.files if days is None or file.day in days]
        return rows_sql(paths, columns(self.product), self.product.partitioned_by)

    def with_contents(self) -> Stage:
        """The stage whose files have the hashes of their bytes: a file that is changed after this is not published."""
        states = self.storage.states([file.path for file in self.files])
        files = (replace(file, sha256=self.storage.sha256(file.path), state=states.get(file.path)) for file in self.files)
        return replace(self, files=tuple(files))

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
    copy = Copy(sql, columns(product), product.partitioned_by, set(days))
    try:
        files = copied(con, copy, storage, folder, str(product.address))
    except BaseException:
        storage.remove(folder)
        raise
    return Stage(product, tuple(sorted(days)), files, storage, folder, salt)
