"""Small files of an event store, on the disk before anything relies on them."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Write the file, for its owner only, whole or not at all, and have it on the disk."""
    beside = path.with_name(f".{path.name}")
    descriptor = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    synced(beside)
    beside.replace(path)
    synced(path.parent)


def synced(path: Path) -> None:
    """Have a file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
