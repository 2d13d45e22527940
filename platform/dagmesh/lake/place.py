"""Where one product's table is: its storage, the lake's, and what this machine knows of its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.lake.checked_files import CheckedFiles
from dagmesh.lake.open_tables import OpenTables
from dagmesh.lake.storage import State, Storage
from dagmesh.model.address import Address

if TYPE_CHECKING:
    from dagmesh.lake.snapshot import Snapshot

# By a table's root: its newest snapshot as last verified, and the states that its commit and its domain's key were in.
Verified = dict[str, tuple[list[State | None], "Snapshot"]]


@dataclass(frozen=True)
class Place:
    """The place of one product's major: `storage` holds its table, `lake` the keys, `checked` the files known to be good, `home` the
    secrets of this machine.

    `verified` and `tables` are what this process remembers of the lake's tables.
    """

    address: Address
    storage: Storage
    lake: Storage
    checked: CheckedFiles
    home: Path
    verified: Verified = field(default_factory=dict, compare=False, repr=False)
    tables: OpenTables = field(default_factory=OpenTables, compare=False, repr=False)
