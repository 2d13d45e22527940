"""Whether anything a build looks at has changed since the last one, decided from files alone, before Dagster is imported."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path

from dagmesh.lake.lake import Lake
from dagmesh.model.mesh import Mesh

NOTE = "last_build.json"


def is_unchanged(mesh: Mesh, lake: Lake, days: Sequence[date]) -> bool:
    """Whether the last build left nothing to do for these days, and its code, files and tables are as it left them."""
    note = mesh.home / NOTE
    if not note.exists():
        return False
    noted = json.loads(note.read_text(encoding="utf-8"))
    return bool(noted["state"] == _state(mesh, lake, days, noted["patterns"]))


def note_build(mesh: Mesh, lake: Lake, days: Sequence[date], patterns: Collection[str]) -> None:
    """Remember that a build left nothing to do, and what it looked at."""
    note = {"patterns": sorted(patterns), "state": _state(mesh, lake, days, sorted(patterns))}
    beside = mesh.home / f".{NOTE}.{uuid.uuid4().hex}"
    beside.write_text(json.dumps(note), encoding="utf-8")
    beside.replace(mesh.home / NOTE)


def _state(mesh: Mesh, lake: Lake, days: Sequence[date], patterns: Collection[str]) -> str:
    hasher = hashlib.sha256()
    for part in (*map(str, days), *_code(mesh), *_files(patterns, days), *lake.heads(), *_private(mesh), *_events(mesh)):
        hasher.update(part.encode() + b"\0")
    return hasher.hexdigest()


def _code(mesh: Mesh) -> Iterator[str]:
    """The mesh's list of domains, every file of every domain, and the platform itself."""
    yield _stat(mesh.root / "workspace.yaml")
    for folder in (*(location.folder for location in mesh.locations), Path(__file__).parents[1]):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".toml", ".yaml", ".sql", ".json"):
                yield _stat(path)


def _files(patterns: Collection[str], days: Sequence[date]) -> Iterator[str]:
    for pattern in patterns:
        paths = [pattern.replace("{day}", day.isoformat()) for day in days] if "{day}" in pattern else [pattern]
        for path in paths:
            yield from (_stat(Path(found)) for found in sorted(glob.glob(path)))


def _private(mesh: Mesh) -> Iterator[str]:
    """The names of the private tables' files: they change whenever a table does."""
    for folder, _, names in sorted(os.walk(mesh.home / "home")):
        if "private" in Path(folder).parts:
            yield from (f"{folder}/{name}" for name in sorted(names))


def _events(mesh: Mesh) -> Iterator[str]:
    """Every domain's event store, its log where that holds something, and the notes of how far projections are folded."""
    homes = mesh.home / "home"
    logs = (path for path in homes.glob("*/events/events.sqlite-wal") if path.stat().st_size)
    for path in sorted([*homes.glob("*/events/events.sqlite"), *logs, *homes.glob("*/projections/*/*/checkpoint.json")]):
        yield _stat(path)


def _stat(path: Path) -> str:
    stat = path.stat()
    return f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
