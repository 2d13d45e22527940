"""Delta's own part of a table: its versions, active files, schema, and what a commit says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.schema import Schema

from dagmesh.errors import DefinitionError, Problem
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


class UnreadableLog(Exception):
    """Why Delta cannot open a version, as the end of a sentence."""


def opened(storage: Storage, version: int | None = None) -> DeltaTable | None:
    """The Delta table at its newest version, or at that one; None when there is no table.

    Raises:
        UnreadableLog: the log is damaged.
    """
    newest = newest_version(storage)
    if newest is None:
        return None
    try:
        return DeltaTable(storage.root, version=version)
    except DeltaError as error:
        raise UnreadableLog(_why(storage, newest if version is None else version, str(error).splitlines()[0])) from error


def _why(storage: Storage, version: int, error: str) -> str:
    """Which commit is damaged and what mends it; else what Delta says."""
    for damaged in (name for name in map(commit_name, range(version, -1, -1)) if not _is_whole(storage, name)):
        mend = "move it away" if damaged == commit_name(version) else "bring it back from a backup"
        return f"its commit {storage.path(damaged)} is damaged, {mend}"
    return f"its Delta log cannot be read ({error}); if a checkpoint is damaged, remove it with _last_checkpoint: every commit is kept"


def _is_whole(storage: Storage, name: str) -> bool:
    try:
        return all(json.loads(line) for line in (storage.read(name) or b"{").splitlines())
    except ValueError:
        return False


def newest_version(storage: Storage) -> int | None:
    """The newest version by the names in the log alone; None when there is no table."""
    commits = (int(match[1]) for name in reversed(storage.names(LOG)) if (match := _COMMIT.match(name)))
    return next(commits, None)


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
    """The files of the table's version, sorted."""
    actions = table.get_add_actions(flatten=True)
    parts = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")]
    return tuple(DataFile(path, size, -1 if rows is None else rows) for path, size, rows in sorted(zip(*parts, strict=True)))


def schema_of(product: Product, table: DeltaTable | None) -> Schema:
    """The table's schema with the product's new columns added; every column may be NULL, the contract decides.

    Raises:
        DefinitionError: a published column has another type now, or the table is split in another way.
    """
    found = json.loads(table.schema().to_json())["fields"] if table else []
    types = {field["name"]: field["type"] for field in found}
    declared = {column.name: column.type.delta for column in product.contract.columns}
    changes = [(name, types[name], kind) for name, kind in declared.items() if types.get(name, kind) != kind]
    split = table.metadata().partition_columns if table else partitions(product)
    if split != partitions(product):
        changes.append(("partitioned_by", split[0] if split else None, product.partitioned_by))
    if changes:
        raise DefinitionError(_problem(product, *change) for change in changes)
    new = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in declared.items() if name not in types]
    return Schema.from_json(json.dumps({"type": "struct", "fields": [*found, *new]}))


def _problem(product: Product, field: str, published: object, declared: object) -> Problem:
    keep = f"release {product.major + 1}.0.0, or keep it"
    return Problem(product.file, str(product.address), field, f"is published as {published} and declared as {declared}; {keep}.")


def partitions(product: Product) -> list[str]:
    """The columns Delta splits the table by."""
    return [product.partitioned_by] if product.partitioned_by else []
