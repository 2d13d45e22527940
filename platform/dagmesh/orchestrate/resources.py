"""The shared Dagster resources: the lake and the resolver, which a domain's own `@dg.asset` takes by name."""

# No `from __future__ import annotations` here: Dagster reads the fields' types.

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from dagmesh.consume.grants import Grants
from dagmesh.consume.read_log import Asking
from dagmesh.consume.read_policies import ReadPolicies
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.consume.usage.use import Use, use_of
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

USE_DAYS = 30


@cache
def lake_of_process(root: str, home: str) -> Lake:
    """The lake of everything that is planned and run in this process: one, as it remembers what it verified."""
    return Lake(root, Path(home))


@lru_cache(maxsize=1)
def uses_of_process(home: str, since: datetime) -> list[Use]:
    """Who read what since a moment, by the log of reads: 60 ms of CPU for its first line, so once for all runs of this process.

    Raises:
        MeshError: the log has a hole.
    """
    return use_of(Path(home), None, since)


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """The mesh's lake, and one DuckDB for the run."""

    root: str
    home: str

    _connection: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, mesh: Mesh) -> "LakeResource":
        """The resource for a mesh's lake."""
        return cls(root=mesh.lake_root, home=str(mesh.home))

    @property
    def lake(self) -> Lake:
        """The lake itself, for whom the resource is not enough."""
        return lake_of_process(self.root, self.home)

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the run's DuckDB, in UTC, that can read the lake."""
        if self._connection is None:  # a second resource of the run, which the resolver holds, needs none
            self._connection = self.lake.connect()
        cursor: duckdb.DuckDBPyConnection = self._connection.cursor()
        return cursor

    def used_by(self, address: Address) -> list[Use]:
        """Who read the product in the last 30 days, the busiest first; the log of reads is read once an hour.

        Raises:
            MeshError: the log has a hole.
        """
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        uses = uses_of_process(self.home, hour - timedelta(days=USE_DAYS))
        return [use for use in uses if (use.product, use.major) == (address.name, address.major)]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the run's DuckDB."""
        if self._connection is not None:
            self._connection.close()


class ResolverResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """Reads other domains' products in this domain's name; `mesh` is the folder whose domains hold the grants, "" for none."""

    lake: dg.ResourceDependency[LakeResource]
    reader: str
    mesh: str = ""

    @property
    def principal(self) -> str:
        """Who the log of reads says that the domain's runs are."""
        return f"dagster:{self.reader}"

    @property
    def resolver(self) -> Resolver:
        """The resolver itself; its reads end in the run's own process, where nobody counts."""
        asking = Asking(self.principal, "python")
        if not self.mesh:
            return Resolver(self.lake.lake, self.reader, asking=asking)
        mesh = Mesh.find(Path(self.mesh))
        return Resolver(self.lake.lake, self.reader, Grants.of(mesh), policies=ReadPolicies(mesh, self.lake.lake).refuse, asking=asking)

    def resolve(self, address: str, days: Collection[date] | None = None) -> Reading:
        """What `Resolver.resolve` gives, read in this domain's name."""
        return self.resolver.resolve(address, days)

    def read(self, address: str, days: Collection[date] | None = None) -> duckdb.DuckDBPyRelation:
        """The product's rows as a lazy relation on a cursor of the run's DuckDB."""
        return self.lake.connection().sql(f"FROM {self.resolve(address, days).sql}")
