"""Opened files: encrypted files of the lake as a permitted reader's DuckDB reads them, in the domain's private home, for a day.

DuckDB reads no column that has a key of its own, and what reads SQL here are many connections in many processes. So a file is decrypted
once, beside the private tables and quarantined rows that hold such values in plain text anyway, and never in the lake.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from dagmesh.errors import MeshError
from dagmesh.lake.column_keys import column_key
from dagmesh.lake.owner_only import owner_only, private_home
from dagmesh.lake.place import Place

FOLDER = "opened"


def opened_path(place: Place, name: str, needed: Collection[str]) -> str:
    """The path to read for a data file of a table: its own, or where a copy is with the needed columns in plain text.

    Raises:
        MeshError: a key is not on this machine, or is not the one that the file was encrypted with.
    """
    from dagmesh.lake.encryption import encrypted_columns

    stored = place.storage.path(name)
    classes = {classification for column, classification in encrypted_columns(stored).items() if column in needed}
    if not classes:
        return stored
    keys = {classification: column_key(place.home, place.address.domain, classification) for classification in sorted(classes)}
    target = _folder(place) / "+".join(keys) / name
    if target.exists():
        os.utime(target)  # used: it stays for another day
    else:
        _open(stored, target, keys, str(place.address))
    return str(target)


def _open(stored: str, target: Path, keys: Mapping[str, bytes], address: str) -> None:
    """Write the copy whole at once, for its owner only."""
    from cryptography.exceptions import InvalidTag

    from dagmesh.lake.encryption import decrypt

    owner_only(target.parent)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    beside.touch(mode=0o600)
    try:
        decrypt(stored, str(beside), keys)
        beside.replace(target)
    except (InvalidTag, OSError) as error:
        classes = " and ".join(keys)
        raise MeshError(
            f"{address}: its {classes} columns are encrypted with another key than the one on this machine, or damaged. "
            f"Put the domain's column_keys back as they were when it was published."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def close_all(place: Place) -> list[Path]:
    """The folder of the copies of a table's files, now removed; nothing where there is none."""
    folder = _folder(place)
    if not folder.exists():
        return []
    shutil.rmtree(folder)
    return [folder]


def close_unused(home: Path, before: datetime) -> int:
    """How many copies were removed, that nobody has read since a moment."""
    unused = [path for path in _copies(home) if path.stat().st_mtime < before.timestamp()]
    for path in unused:
        path.unlink(missing_ok=True)
    return len(unused)


def _copies(home: Path) -> Iterator[Path]:
    return (path for path in home.glob(f"home/*/{FOLDER}/**/*") if path.is_file())


def _folder(place: Place) -> Path:
    return private_home(place.home, place.address.domain) / FOLDER / f"{place.address.product}_v{place.address.major}"
