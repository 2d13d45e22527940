"""A domain's plain `@dg.asset`s: its private tables, stored by the platform and never addressable by others."""

from __future__ import annotations

import glob
import hashlib
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from dagmesh.consume.usage.records import RecordKind
from dagmesh.errors import DefinitionError, Problem
from dagmesh.model.domain import Domain
from dagmesh.orchestrate.mesh_records import RECORDS

FILES = "dagmesh/files"
MOST_KINDS = 3  # Dagster refuses a fourth
Reach = tuple[int, int]


@dataclass(frozen=True)
class PrivateTable:
    """What the planner needs to know of a private table.

    `files` is the pattern, with `{day}` in it, of the files it is made of, `records` the kind of the platform's records; `made_by`
    the hash of the code that makes it;
    `upstream` the domain's private tables it reads, each with how many days back and ahead of its own day; None: all of it.
    """

    name: str
    daily: bool
    files: str | None
    made_by: str
    upstream: Mapping[str, Reach | None]
    records: RecordKind | None = None


def files(pattern: str) -> dict[str, str]:
    """Asset metadata naming the files a private table is made of: `metadata=dm.files(".../{day}.jsonl")`.

    The planner runs the asset again when one of the day's files is new or changed. `{day}` stands for YYYY-MM-DD.
    """
    return {FILES: pattern}


def private_assets(domain: Domain) -> list[dg.AssetsDefinition]:
    """The plain assets of a domain's package, with the domain's name before their keys and its name as group.

    Raises:
        DefinitionError: an asset's own key prefix names another domain.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # single-run backfills are beta in Dagster 1.13; upgrades are ours to test
        modules = list(private_modules(domain.name))
        _check_prefixes(domain, modules)
        found = dg.load_assets_from_modules(modules, key_prefix=domain.name, group_name=domain.name)
    return [_described(definition, domain) for definition in found if isinstance(definition, dg.AssetsDefinition)]


def _check_prefixes(domain: Domain, modules: list[ModuleType]) -> None:
    written = [asset for asset in dg.load_assets_from_modules(modules) if isinstance(asset, dg.AssetsDefinition)]
    keys = [key.path for definition in written for key in definition.keys if len(key.path) > 1]
    if keys:
        raise DefinitionError(
            Problem(f"domains/{domain.name}", ".".join(path), "key", f"has a prefix of its own; '{domain.name}' is put before every key.")
            for path in keys
        )


def _described(definition: dg.AssetsDefinition, domain: Domain) -> dg.AssetsDefinition:
    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        kinds = {*spec.kinds, "private"} if len(spec.kinds) < MOST_KINDS else spec.kinds
        with_owner = spec.replace_attributes(owners=spec.owners or [domain.owner], kinds=kinds)
        return with_owner.merge_attributes(tags={"dagmesh/private": ""})

    return definition.map_asset_specs(described)


def private_modules(package: str) -> Iterator[ModuleType]:
    """Every module of the domain's package but its definitions, its products and its tests."""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if info.name not in ("definitions", "products", "tests"):
            yield importlib.import_module(f"{package}.{info.name}")


def private_tables(domain: str, assets: Sequence[dg.AssetsDefinition]) -> dict[str, PrivateTable]:
    """The private tables the plain assets make, by name."""
    names = {spec.key.path[-1] for definition in assets for spec in definition.specs}
    tables: dict[str, PrivateTable] = {}
    for definition in assets:
        for spec in definition.specs:
            deps = [dep for dep in spec.deps if dep.asset_key.path[0] == domain and dep.asset_key.path[-1] in names]
            upstream = {dep.asset_key.path[-1]: _reach(dep.partition_mapping) for dep in deps}
            tables[spec.key.path[-1]] = PrivateTable(
                spec.key.path[-1],
                definition.partitions_def is not None,
                spec.metadata.get(FILES),
                _code(definition),
                upstream,
                spec.metadata.get(RECORDS),
            )
    return tables


def _reach(mapping: dg.PartitionMapping | None) -> Reach | None:
    if mapping is None:
        return 0, 0
    return (-mapping.start_offset, mapping.end_offset) if isinstance(mapping, dg.TimeWindowPartitionMapping) else None


def _code(definition: dg.AssetsDefinition) -> str:
    """SHA-256 of the file the asset is written in, and of its own code_version."""
    function: Any = definition.op.compute_fn
    function = getattr(function, "decorated_fn", function)
    versions = "".join(sorted(version or "" for version in definition.code_versions_by_key.values()))
    return hashlib.sha256(Path(inspect.getfile(function)).read_bytes() + versions.encode()).hexdigest()


def files_state(pattern: str | None, day: str) -> str:
    """Names, sizes and times of the day's files: changes when one of them is new or changed; empty without files."""
    if pattern is None:
        return ""
    found = sorted(glob.glob(pattern.replace("{day}", day)))
    stats = [(path, Path(path).stat()) for path in found]
    return ";".join(f"{path}:{stat.st_size}:{stat.st_mtime_ns}" for path, stat in stats)
