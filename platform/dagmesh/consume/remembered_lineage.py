"""Column lineage remembered: a product is rehearsed anew only when its domain's code or its inputs' columns have changed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from dagmesh.lake.owner_only import owner_only, private_home
from dagmesh.lake.whole_files import replace_whole
from dagmesh.model.domain import Product
from dagmesh.model.file_hash import file_sha256
from dagmesh.model.lineage import Derived


def remembered(home: Path, product: Product, ports: Mapping[str, Any], derive: Callable[[], Derived]) -> Derived:
    """What `derive` gave for the same code and inputs, or gives now; that there is no lineage is not remembered.

    Args:
        home: this machine's private folder, which holds what is remembered.
        product: whose lineage it is.
        ports: what each of its parameters reads, with the columns; compared as text.
        derive: tells the lineage, in some tens of milliseconds.
    """
    file = private_home(home, product.domain) / "lineage" / f"{product.name}_v{product.major}.json"
    decided_by = _decided_by(product, ports)
    noted = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if noted.get("decided_by") == decided_by:
        return Derived(noted["lineage"])
    found = derive()
    if found.lineage:
        owner_only(file.parent)
        replace_whole(file, json.dumps({"decided_by": decided_by, "lineage": found.lineage}))
    return found


def _decided_by(product: Product, ports: Mapping[str, Any]) -> str:
    """SHA-256, hexadecimal, of all that decides what a rehearsal comes to."""
    hasher = hashlib.sha256()
    for part in (*_made_by(), product.function.__qualname__, repr(sorted(ports.items()))):
        hasher.update(part.encode() + b"\0")
    hasher.update(_code(sys.modules[product.function.__module__.partition(".")[0]]).encode())
    return hasher.hexdigest()


@cache
def _made_by() -> tuple[str, ...]:
    return tuple(f"{name} {version(name)}" for name in ("dagmesh", "duckdb", "sqlglot"))


@cache  # by the module itself: a process runs what it imported, whatever happens to the files meanwhile
def _code(package: ModuleType) -> str:
    """SHA-256, hexadecimal, of every file of the package that declares a product: what its function calls may be in any of them."""
    hasher = hashlib.sha256()
    for path in _files(package):
        hasher.update(f"{path}\0{file_sha256(path)}\0".encode())
    return hasher.hexdigest()


def _files(package: ModuleType) -> Iterator[str]:
    folders = [*getattr(package, "__path__", ())]
    for folder in folders:
        walked = ((place, name) for place, _, names in os.walk(folder) for name in names if not name.endswith(".pyc"))
        yield from sorted(f"{place}/{name}" for place, name in walked)
    if not folders and package.__file__:
        yield package.__file__
