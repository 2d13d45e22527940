"""Hashes of code files, each read once while it stays the same: a plan asks for a product's hash for every day."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path


def file_sha256(file: str) -> str:
    """SHA-256, hexadecimal, of the file's content as it is now."""
    stat = os.stat(file)  # noqa: PTH116 - for every file of a domain at each of its publications: half the time of Path.stat
    return _sha256(file, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(file: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
