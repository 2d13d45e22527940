"""A domain's private tables: Parquet in its home, replaced whole or day by day, never addressable by others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class PrivateTable:
    """One private table."""

    folder: Path

    def exists(self) -> bool:
        """Whether it was ever written."""
        raise NotImplementedError

    def days(self) -> dict[date, str]:
        """Each day and the digest of its content; empty for a table that is not daily."""
        raise NotImplementedError

    def fingerprints(self) -> dict[date | None, str]:
        """What each day (None: the whole) was made of, as its writer said."""
        raise NotImplementedError

    def digest(self) -> str:
        """The digest of the whole table's content."""
        raise NotImplementedError

    def completeness(self, days: Collection[date] | None = None) -> float:
        """The lowest share of complete records of the days, as their writer said."""
        raise NotImplementedError

    def sql(self, days: Collection[date] | None = None) -> str:
        """FROM-able text of the rows; a daily table has a DATE column `day`."""
        raise NotImplementedError

    def write(
        self,
        con: duckdb.DuckDBPyConnection,
        rows: Any,
        days: Collection[date] = (),
        *,
        made_of: Mapping[date | None, str],
        completeness: Mapping[date | None, float] | None = None,
    ) -> dict[date | None, int]:
        """How many rows were written per day (None: the whole), replacing exactly `days` (none: everything) at once.

        Args:
            con: where a relation or SQL text is computed.
            rows: FROM-able SQL text, a DuckDB relation, or a pandas, Polars or Arrow table.
            days: the days to replace; each needs its rows, which may be none, in a DATE column `day`.
            made_of: what each day was made of.
            completeness: the share of complete records by day; 1 by default.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class PrivateStore:
    """The private tables of one domain."""

    folder: Path

    def table(self, name: str) -> PrivateTable:
        """The private table of that name, whether or not it was written yet."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """The private tables there are."""
        raise NotImplementedError
