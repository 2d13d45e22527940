"""`dm.connect()`: how a person or a notebook reads products."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from dagmesh.consume.access import ANALYST
from dagmesh.consume.grants import Grants
from dagmesh.consume.identity.principal import local
from dagmesh.consume.query import run_query
from dagmesh.consume.read_log import Asking
from dagmesh.consume.read_policies import ReadPolicies
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh


class Connection:
    """Reads the products of one mesh for one reader; relations it gives are lazy and live as long as it does."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._duckdb = resolver.lake.connect()

    def read(self, address: str, *, days: Iterable[date] | None = None) -> duckdb.DuckDBPyRelation:
        """A product's rows as a DuckDB relation: `.pl()` Polars, `.to_arrow_table()` Arrow, `.df()` pandas with decimals as floats.

        The read is recorded.

        Args:
            address: `orders.purchase_patterns` (latest major), `orders.purchase_patterns@1`, or with a snapshot,
                `orders.purchase_patterns@1#12`.
            days: only these days of a daily product.

        Raises:
            AddressError, NotPublished, AccessRefused, UntrustedSnapshot: see `dagmesh.errors`.
        """
        reading = self._asking(None).resolve(address, None if days is None else set(days))
        return self._duckdb.cursor().sql(f"FROM {reading.sql}")

    def sql(self, statement: str) -> duckdb.DuckDBPyRelation:
        """The result of one SELECT over products named by address."""
        return self.query(statement)[0]

    def query(self, statement: str) -> tuple[duckdb.DuckDBPyRelation, list[Reading]]:
        """The result of one SELECT over products named by address, and the reads it is computed from."""
        return run_query(self._duckdb.cursor(), self._asking(statement), statement)

    def _asking(self, statement: str | None) -> Resolver:
        """The resolver for one read or one statement: each is recorded as a query of its own."""
        asking = self.resolver.asking
        return replace(self.resolver, asking=asking.again(statement)) if asking else self.resolver

    def close(self) -> None:
        """Let go of DuckDB."""
        self._duckdb.close()


def connect(folder: str | Path | None = None, *, reader: str = ANALYST, purpose: str | None = None) -> Connection:
    """A connection to the mesh that holds `folder` (the working directory by default).

    Args:
        folder: any folder of the mesh.
        reader: the domain in whose name products are read, or `analyst`.
        purpose: what they are read for; it is recorded with each read.

    Raises:
        MeshError: no mesh there.
    """
    mesh = Mesh.find(Path(folder) if folder else None)
    return Connection(resolver_of(mesh, reader, purpose, Asking(local(reader).name, "python")))


def resolver_of(mesh: Mesh, reader: str, purpose: str | None = None, asking: Asking | None = None) -> Resolver:
    """What reads in a reader's name, held to the mesh's grants and policies; `asking` is who is behind it."""
    lake = Lake.of(mesh)
    return Resolver(lake, reader, Grants.of(mesh), purpose, policies=ReadPolicies(mesh, lake).refuse, asking=asking)
