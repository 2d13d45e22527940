"""Hashes of code files, each read once while it stays the same: a plan asks for a product's hash for every day."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


def file_sha256(file: str) -> str:
    """SHA-256, hexadecimal, of the file's content as it is now."""
    stat = Path(file).stat()
    return _sha256(file, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(file: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()
