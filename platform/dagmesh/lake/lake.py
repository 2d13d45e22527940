"""The lake of a mesh: from a root, path or URL, to its tables, keys and connections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagmesh.lake.keys import SigningKey
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.table import Table
from dagmesh.model.address import Address


@dataclass(frozen=True)
class Lake:
    """One lake: `root` is a path or a URL that fsspec and Delta know, `home` this machine's private folder."""

    root: str
    home: Path

    def table(self, address: Address) -> Table:
        """The table of an address with a major, whether or not anything is published there yet."""
        raise NotImplementedError

    def addresses(self) -> list[Address]:
        """Every published address, with its major, sorted."""
        raise NotImplementedError

    def latest_major(self, name: str) -> Address | None:
        """The newest published major of `domain.product`; None when there is none."""
        raise NotImplementedError

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB in UTC that can read and write the lake's files."""
        raise NotImplementedError

    def signing_key(self, domain: str) -> SigningKey:
        """The domain's key for publishing, created and its public half put in the lake on first use."""
        raise NotImplementedError

    def private(self, domain: str) -> PrivateStore:
        """The domain's private tables."""
        raise NotImplementedError
