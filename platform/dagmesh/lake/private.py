"""A domain's private tables: Parquet in its home, replaced whole or day by day, never addressable by others."""

from __future__ import annotations

import fcntl
import secrets
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.errors import MeshError, NotPublished
from dagmesh.lake.copied_files import CopiedFile, Copy, copied, hashed
from dagmesh.lake.given_rows import given_rows
from dagmesh.lake.owner_only import owner_only
from dagmesh.lake.private_contents import Contents, Part
from dagmesh.lake.rows_sql import Columns, rows_sql
from dagmesh.lake.stage import STAGES
from dagmesh.lake.storage import LocalStorage
from dagmesh.lake.taken_files import taken

if TYPE_CHECKING:
    import duckdb

DAY = "day"
_LIST = "_contents.json"
_LOCK = "_lock"


@dataclass(frozen=True)
class PrivateTable:
    """One private table; which files it has is said by one small file that is replaced at once."""

    folder: Path

    def exists(self) -> bool:
        """Whether it was ever written."""
        return (self.folder / _LIST).exists()

    def days(self) -> dict[date, str]:
        """Each day and the digest of its content; empty for a table that is not daily."""
        return {day: digest for day, digest in self._contents().digests.items() if day}

    def fingerprints(self) -> dict[date | None, str]:
        """What each day (None: the whole) was made of, as its writer said."""
        return {day: part.made_of for day, part in self._contents().parts.items()}

    def digest(self) -> str:
        """The digest of the whole table's content."""
        return self._contents().digest

    def completeness(self, days: Collection[date] | None = None) -> float:
        """The lowest share of complete records among the days (None: all), as their writer said."""
        return min((part.completeness for part in self._contents().chosen(days)), default=1.0)

    def columns(self) -> Columns:
        """Name and DuckDB type of each column that any of its days has.

        Raises:
            NotPublished: it was never written.
        """
        contents = self._written()
        return contents.columns_of(contents.chosen(None))[0]

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the rows (of these days); a daily table has a DATE column `day`.

        Raises:
            NotPublished: it was never written.
            MeshError: it is a feed, whose rows are events.
        """
        contents = self._written()
        chosen = contents.chosen(days)
        columns, mixed = contents.columns_of(chosen)
        if not columns:
            raise MeshError(f"{self._place} is a feed and has no rows; a product takes its events by a parameter annotated dm.Events.")
        paths = [str(self.folder / file) for part in chosen for file in part.files]
        return rows_sql(paths, columns, DAY if contents.is_daily else None, mixed)

    def write(
        self,
        con: duckdb.DuckDBPyConnection,
        rows: Any,
        days: Collection[date] = (),
        *,
        made_of: Mapping[date | None, str],
        completeness: Mapping[date | None, float] | None = None,
    ) -> dict[date | None, int]:
        """How many rows were written by day (None: the whole), replacing exactly `days` (none: everything) at once.

        Args:
            con: where the rows are computed.
            rows: FROM-able SQL text, a relation of the same DuckDB, or a pandas, Polars or Arrow table.
            days: the days to replace; the rows have a DATE column `day`. A day without rows counts as written.
            made_of: what each day was made of.
            completeness: the share of complete records by day; 1 where it says nothing.

        Raises:
            MeshError: days are given and the rows have no DATE column `day`.
            AuditRefused: rows of days that were not given.
        """
        storage, folder = LocalStorage(str(self._own())), f"{STAGES}/{uuid.uuid4().hex}"
        try:
            with given_rows(con, rows) as sql:
                copy = Copy(sql, self._columns(con, sql, bool(days)), DAY if days else None, set(days))
                files = taken(con, rows, copy, storage, folder) or hashed(
                    con, copy.stored, storage, copied(con, copy, storage, folder, self._place)
                )
            shares = completeness or {}
            parts: list[date | None] = [*sorted(days)] or [None]
            written = {day: self._part(storage, files, day, made_of[day], shares.get(day, 1.0)) for day in parts}
        finally:
            storage.remove(folder)
        self._replace(written, copy.columns)
        return {day: part.rows for day, part in written.items()}

    def note(self, parts: Mapping[date | None, Part]) -> None:
        """Remember what these days (None: the whole) hold, of a table whose rows are kept elsewhere."""
        self._own()
        self._replace(parts, [])

    def _own(self) -> Path:
        """The folder, closed to others, and so the one it is in."""
        owner_only(self.folder.parent)
        return owner_only(self.folder)

    @property
    def _place(self) -> str:
        return f"{self.folder.parent.parent.name}'s private table {self.folder.name}"

    def _columns(self, con: duckdb.DuckDBPyConnection, sql: str, daily: bool) -> Columns:
        columns = [(name, kind) for name, kind, *_ in con.execute(f"DESCRIBE FROM {sql}").fetchall()]
        if daily and (DAY, "DATE") not in columns:
            found = dict(columns).get(DAY)
            raise MeshError(
                f"{self._place} is made day by day, and its rows have {f'{DAY!r} as {found}' if found else f'no column {DAY!r}'}; "
                f"give them a DATE column {DAY!r}: the UTC day a row belongs to."
            )
        return columns

    def _part(self, storage: LocalStorage, files: Collection[CopiedFile], day: date | None, made_of: str, completeness: float) -> Part:
        """The day's files, moved to where they stay."""
        stayed, row_hash = [], 0
        for file in files:
            if file.day == day:
                row_hash = (row_hash + (file.row_hash or 0)) % 2**64
                name = f"{secrets.token_hex(8)}.parquet"
                stayed.append(f"{DAY}={day}/{name}" if day else name)
                storage.move(file.path, stayed[-1])
        rows = sum(file.rows for file in files if file.day == day)
        return Part(tuple(stayed), rows, f"{row_hash:016x}", made_of, completeness)

    def _written(self) -> Contents:
        contents = self._contents()
        if not contents.schemas:
            raise NotPublished(f"{self._place} was never written; run its asset first.", address=self.folder.name)
        return contents

    def _contents(self) -> Contents:
        return Contents.read(self.folder / _LIST)

    def _replace(self, written: Mapping[date | None, Part], columns: Columns) -> None:
        with self._locked():
            before = self._contents()
            after = before.with_parts(written, columns)
            after.write(self.folder / _LIST)
        for file in before.files - after.files:
            # It stays for whoever has just begun to read it: housekeeping counts from here.
            (self.folder / file).touch()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def remove_abandoned(self, before: datetime) -> list[str]:
        """The files, now removed, that the table has not had since `before`: a moment before any run that may go on."""
        storage, needed = LocalStorage(str(self.folder)), self._contents().files
        unneeded = [name for name, written in storage.files("") if _is_data(name) and name not in needed and written < before]
        for name in unneeded:
            storage.remove(name)
        return sorted(unneeded)


def _is_data(name: str) -> bool:
    return name.startswith(f"{STAGES}/") or not name.startswith("_")


@dataclass(frozen=True)
class PrivateStore:
    """The private tables of one domain."""

    folder: Path

    def table(self, name: str) -> PrivateTable:
        """The private table of that name, whether or not it was written yet."""
        return PrivateTable(self.folder / name)

    def names(self) -> list[str]:
        """The private tables that were written, sorted."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{_LIST}"))
