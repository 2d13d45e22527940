"""The files that decide what a domain's code location is, and whether they changed."""

from __future__ import annotations

import os
from pathlib import Path

State = frozenset[tuple[str, int, int]]

_SUFFIXES = (".py", ".toml", ".yaml", ".yml", ".json", ".sql")
_SKIPPED = {"__pycache__", "tests"}


def state_of(folder: Path) -> State:
    """Path, time of change and size of every source file of a domain: its code, pyproject and contracts, not its tests."""
    found = set()
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        for name in files:
            if name.endswith(_SUFFIXES):
                found.update(_entry(Path(place, name)))
    return frozenset(found)


def _entry(file: Path) -> set[tuple[str, int, int]]:
    try:
        status = file.stat()
    except FileNotFoundError:  # an editor replaces files; the next look sees the new one
        return set()
    return {(str(file), status.st_mtime_ns, status.st_size)}


class Watch:
    """Tells once when a folder's files have changed and come to rest since it was last told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = self._last = state_of(folder)

    def changed(self) -> bool:
        """Whether the files differ from those last reported and are the same as at the look before."""
        before, self._last = self._last, state_of(self._folder)
        if self._last == self._known or self._last != before:
            return False
        self._known = self._last
        return True
