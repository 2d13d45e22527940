"""The lake of a mesh: from a root, path or URL, to its tables, keys and connections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.errors import AddressError
from dagmesh.lake.checked_files import CheckedFiles
from dagmesh.lake.keys import SigningKey, announce, signing_key
from dagmesh.lake.owner_only import is_writable, owner_only, private_home
from dagmesh.lake.place import Place, Verified
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.storage import Storage, storage_of
from dagmesh.lake.table import Table
from dagmesh.model.address import Address
from dagmesh.model.mesh import Mesh

if TYPE_CHECKING:
    import duckdb

MEMORY = "40%"
_MAJOR = re.compile(r"v(\d+)\Z")


@dataclass(frozen=True)
class Lake:
    """One lake: `root` is a path, or a URL that both fsspec and Delta know; `home` is this machine's private folder.

    It remembers the newest snapshot of each table that it verified, so a process keeps one.
    """

    root: str
    home: Path

    @classmethod
    def of(cls, mesh: Mesh) -> Lake:
        """The lake of a mesh."""
        return cls(mesh.lake_root, mesh.home)

    _verified: Verified = field(default_factory=dict, init=False, compare=False, repr=False)

    @cached_property
    def storage(self) -> Storage:
        """The files below the root."""
        return storage_of(self.root)

    def table(self, address: Address) -> Table:
        """The table of an address with a major, whether or not anything is published there yet.

        Raises:
            AddressError: the address has no major.
        """
        if address.major is None:
            raise AddressError(f"'{address}' names no major; a table is one major of a product, for example {address.name}@1.")
        storage = self.storage.at(self.folder(address))
        checked = CheckedFiles(self.home / "checked_files.sqlite")
        return Table(Place(Address(address.domain, address.product, address.major), storage, self.storage, checked, self._verified))

    def folder(self, address: Address) -> str:
        """Where the table of an address with a major is, below the root."""
        return f"{address.domain}/{address.product}/v{address.major}"

    def addresses(self) -> list[Address]:
        """Every published address, with its major, sorted."""
        return sorted(address for address in self.tables() if self.table(address).newest is not None)

    def tables(self) -> Iterator[Address]:
        """Every address that has a folder, with its major, whether or not anything is published there yet."""
        for domain in self._folders(""):
            for product in self._folders(domain):
                majors = (_MAJOR.match(name) for name in self._folders(f"{domain}/{product}"))
                yield from (Address(domain, product, int(major[1])) for major in majors if major)

    def _folders(self, folder: str) -> list[str]:
        return [name for name in self.storage.names(folder) if name[0] not in "_."]

    def latest_major(self, address: Address) -> Address | None:
        """The newest published major of the address's product; None when there is none."""
        return max((found for found in self.addresses() if found.name == address.name), default=None)

    def heads(self) -> list[str]:
        """Every published address with its newest version, by a look at names alone; nothing is verified."""
        return [str(address.at_snapshot(self.table(address).newest or 0)) for address in self.addresses()]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB in UTC that can read and write the lake's files.

        It takes 40 % of the machine's memory, so that two can work at once, and what needs more is put in the home's `spill`.
        """
        # Here because it takes a tenth of a second, and what only looks at the lake needs no database.
        import duckdb

        spill = self.home / "spill"
        if is_writable(spill):
            owner_only(spill)
        con = duckdb.connect(
            config={
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "memory_limit": MEMORY,
                "temp_directory": str(spill),
            }
        )
        # Global, so that cursors have it too; not in config: there DuckDB 2.0.0 has not loaded its time zones yet.
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        self.storage.register(con)
        return con

    def signing_key(self, domain: str) -> SigningKey:
        """The domain's key for publishing: created on first use, its public half put in the lake.

        Raises:
            MeshError: others can read the key file, or the lake has another key for the domain.
        """
        key = signing_key(self.home, domain)
        announce(self.storage, key)
        return key

    def private(self, domain: str) -> PrivateStore:
        """The domain's private tables."""
        return PrivateStore(private_home(self.home, domain) / "private")
