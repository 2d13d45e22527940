"""Encrypting at publish: staged files that the audit has seen get their secret columns encrypted before they get their names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dagmesh.errors import MeshError
from dagmesh.lake.column_keys import column_key, salt
from dagmesh.lake.copied_files import CopiedFile
from dagmesh.lake.place import Place
from dagmesh.lake.storage import LocalStorage
from dagmesh.model.domain import Product


def secret_columns(product: Product) -> dict[str, str]:
    """The columns that are published encrypted, and their classifications; never the one that names the folders of its days."""
    columns = [column for column in product.contract.columns if column.name != product.partitioned_by]
    return {column.name: column.classification for column in columns if column.classification in product.encrypt}


def encrypted(place: Place, product: Product, files: Sequence[CopiedFile]) -> list[CopiedFile]:
    """The staged files, those of a product with columns to encrypt in place of the plain ones, which are gone.

    Raises:
        MeshError: the lake is not a folder, or the domain's key is not for its owner only.
    """
    columns = secret_columns(product)
    if not columns:
        return list(files)
    keys = _keys(place, product)
    return [_encrypted(place, columns, file, keys) for file in files]


def salt_of(place: Place, product: Product) -> str:
    """What the row hashes of a product are begun with; nothing for one without encrypted columns.

    Raises:
        MeshError: see `encrypted`; then nothing has been staged in plain text.
    """
    return salt(b"".join(_keys(place, product).values())) if secret_columns(product) else ""


def _keys(place: Place, product: Product) -> dict[str, bytes]:
    if not isinstance(place.storage, LocalStorage):
        raise MeshError(f"{place.address}: encrypt works in a lake that is a folder; this one is {place.lake.root}. Take encrypt out.")
    classes = sorted(set(secret_columns(product).values()))
    return {name: column_key(place.home, place.address.domain, name, create=True) for name in classes}


def _encrypted(place: Place, columns: Mapping[str, str], file: CopiedFile, keys: Mapping[str, bytes]) -> CopiedFile:
    # Imported here because it takes a third of a second, and few domains encrypt.
    from dagmesh.lake.encryption import encrypt

    path = f"{file.path}.encrypted"
    size = encrypt(place.storage.path(file.path), place.storage.path(path), columns, keys)
    place.storage.move(path, file.path)
    return replace(file, size=size, stats=_without_values(file.stats, columns), sha256=place.storage.sha256(file.path))


def _without_values(stats: str, columns: Mapping[str, str]) -> str:
    """Delta's statistics without the smallest and largest value of these columns."""
    said = json.loads(stats)
    bounds = {name: {column: value for column, value in said[name].items() if column not in columns} for name in ("minValues", "maxValues")}
    return json.dumps({**said, **bounds})
