"""The lake of a mesh: from a root, path or URL, to its tables, keys and connections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagmesh.errors import AddressError
from dagmesh.lake.checked_files import CheckedFiles
from dagmesh.lake.history import newest_trusted
from dagmesh.lake.keys import SigningKey, announce, signing_key
from dagmesh.lake.open_tables import OpenTables
from dagmesh.lake.owner_only import is_writable, owner_only, private_home
from dagmesh.lake.place import Place, Verified
from dagmesh.lake.private import PrivateStore
from dagmesh.lake.readers import are_noted, note_all, noted_readers, sources
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

    It remembers the newest snapshot of each table that it verified, and tables it opened, so a process keeps one.
    """

    root: str
    home: Path

    @classmethod
    def of(cls, mesh: Mesh) -> Lake:
        """The lake of a mesh."""
        return cls(mesh.lake_root, mesh.home)

    _verified: Verified = field(default_factory=dict, init=False, compare=False, repr=False)
    _open: OpenTables = field(default_factory=OpenTables, init=False, compare=False, repr=False)

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
        found = Address(address.domain, address.product, address.major)
        return Table(Place(found, storage, self.storage, checked, self.home, self._verified, self._open))

    def folder(self, address: Address) -> str:
        """Where the table of an address with a major is, below the root."""
        return f"{address.domain}/{address.product}/v{address.major}"

    def addresses(self, domain: str | None = None) -> list[Address]:
        """Every published address, or those of one domain, with its major, sorted."""
        return sorted(address for address in self.tables(domain) if self.table(address).newest is not None)

    def tables(self, domain: str | None = None) -> Iterator[Address]:
        """Every address that has a folder, or those of one domain, with its major, whether or not anything is published there yet."""
        for name in self._folders("") if domain is None else [domain]:
            for product in self._folders(name):
                yield from self._majors(name, product)

    def _majors(self, domain: str, product: str) -> Iterator[Address]:
        majors = (_MAJOR.match(folder) for folder in self._folders(f"{domain}/{product}"))
        return (Address(domain, product, int(major[1])) for major in majors if major)

    def _folders(self, folder: str) -> list[str]:
        return [name for name in self.storage.names(folder) if name[0] not in "_."]

    def latest_major(self, address: Address) -> Address | None:
        """The newest published major of the address's product; None when there is none."""
        majors = self._majors(address.domain, address.product)
        return max((found for found in majors if self.table(found).newest is not None), default=None)

    def readers(self, address: Address) -> list[Address]:
        """Where to look for those who read the product, in any major: every address whose publications ever named it."""
        return noted_readers(self.storage, address) if are_noted(self.storage) else self._unnoted.get(address.name, [])

    @cached_property
    def _unnoted(self) -> dict[str, list[Address]]:
        """The readers of each product, by its name, in a lake of a release that noted none; the next publication notes them."""
        found: dict[str, list[Address]] = {}
        for reader, product in self._products():
            for source in sources(reader, product):
                found.setdefault(source, []).append(reader)
        return found

    def _products(self) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """Every published product as its newest trusted publication describes it."""
        for address in self.addresses():
            publication = newest_trusted(self.table(address).place)
            if publication:
                yield address, publication.product

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
        if not are_noted(self.storage):
            note_all(self.storage, self._products())
        return key

    def private(self, domain: str) -> PrivateStore:
        """The domain's private tables."""
        return PrivateStore(private_home(self.home, domain) / "private")
