"""Folders that only their owner can enter."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def owner_only(folder: Path) -> Path:
    """The folder, made if need be, closed to everyone but its owner."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & OTHERS:
        folder.chmod(0o700)
    return folder


def is_writable(folder: Path) -> bool:
    """Whether this process may write into the folder, or make it when it is not there."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def private_home(home: Path, domain: str) -> Path:
    """The domain's private folder on this machine."""
    return owner_only(home / "home" / domain)
