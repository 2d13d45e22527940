"""Delta's own part of a table: its versions, active files, schema, and what a commit says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from deltalake.schema import Schema

from dagmesh.errors import SchemaMismatch
from dagmesh.lake.data_file import DataFile
from dagmesh.lake.storage import Storage
from dagmesh.model.domain import Product

LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json\Z")

# Every version's commit is kept: it carries the signature. Vacuum and clean-up are ours (housekeeping.py), because Delta's
# write commits nobody signed.
CONFIGURATION = {
    "delta.checkpointInterval": "50",
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}


def commit_name(version: int) -> str:
    """The name of the commit that made a version."""
    return f"{LOG}/{version:020}.json"


def opened(storage: Storage, version: int | None = None) -> DeltaTable | None:
    """The Delta table at its newest version, or at that one; None when there is no table."""
    if storage.state(commit_name(0)) is None:
        return None
    try:
        return DeltaTable(storage.root, version=version)
    except TableNotFoundError:
        return None


def newest_version(storage: Storage) -> int | None:
    """The newest version by the names in the log alone; None when there is no table."""
    versions = [int(match[1]) for name in storage.names(LOG) if (match := _COMMIT.match(name))]
    return max(versions, default=None)


def commit_info(storage: Storage, version: int) -> dict[str, Any]:
    """What the version's commit says of itself; empty when it says nothing that can be read."""
    return next((action["commitInfo"] for action in _actions(storage, version) if "commitInfo" in action), {})


def added_paths(storage: Storage, version: int) -> set[str]:
    """The files that the version's commit added."""
    return {action["add"]["path"] for action in _actions(storage, version) if "add" in action}


def _actions(storage: Storage, version: int) -> Iterator[dict[str, Any]]:
    for line in (storage.read(commit_name(version)) or b"").splitlines():
        try:
            action = json.loads(line)
        except ValueError:  # what cannot be read is not signed, and is refused for that
            continue
        if isinstance(action, dict):
            yield action


def active_files(table: DeltaTable) -> tuple[DataFile, ...]:
    """The files of the table's version."""
    actions = table.get_add_actions(flatten=True)
    parts = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")]
    return tuple(DataFile(path, size, -1 if rows is None else rows) for path, size, rows in zip(*parts, strict=True))


def schema_of(product: Product, table: DeltaTable | None) -> Schema:
    """The table's schema with the product's new columns added; every column may be NULL, the contract decides.

    Raises:
        SchemaMismatch: a published column has another type now, or the table is split in another way.
    """
    found = json.loads(table.schema().to_json())["fields"] if table else []
    types = {field["name"]: field["type"] for field in found}
    for column in product.contract.columns:
        if column.name not in types:
            found.append({"name": column.name, "type": column.type.delta, "nullable": True, "metadata": {}})
        elif types[column.name] != column.type.delta:
            raise SchemaMismatch(
                f"{product.address}: column '{column.name}' is published as {types[column.name]} and is {column.type.delta} in version "
                f"{product.version}; a major keeps its types. Release {product.major + 1}.0.0, or keep the type."
            )
    split = table.metadata().partition_columns if table else partitions(product)
    if split != partitions(product):
        raise SchemaMismatch(
            f"{product.address}: published with partitioned_by={split[0] if split else None!r}, declared with "
            f"{product.partitioned_by!r}; a major keeps it. Release {product.major + 1}.0.0, or keep partitioned_by."
        )
    return Schema.from_json(json.dumps({"type": "struct", "fields": found}))


def partitions(product: Product) -> list[str]:
    """The columns Delta splits the table by."""
    return [product.partitioned_by] if product.partitioned_by else []
