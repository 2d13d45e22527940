"""Where one product's table is: its storage, the lake's, and what this machine knows of its files."""

from __future__ import annotations

from dataclasses import dataclass

from dagmesh.lake.checked_files import CheckedFiles
from dagmesh.lake.storage import Storage
from dagmesh.model.address import Address


@dataclass(frozen=True)
class Place:
    """The place of one product's major: `storage` holds its table, `lake` the keys, `checked` the files known to be good."""

    address: Address
    storage: Storage
    lake: Storage
    checked: CheckedFiles
