"""Logs of one file a UTC day, only ever added to: lines of JSON, on the disk when they are written, packed when the day is long over.

A day is `<day>.jsonl`; packed it is `<day>.<bytes>.parquet`, with every line as it was written, its number, and what is asked for
often in columns of its own. Nothing is ever removed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import owner_only

_PACKED = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)\.(?P<bytes>\d+)\.parquet\Z")
_LINES = ".jsonl"
Pack = Callable[[date, list[str], Path], None]
"""Writes a day's lines to a Parquet file with the columns `number`, from 1, and `line`, and others."""


@dataclass(frozen=True)
class DayLog:
    """One such log; several processes may add to it at once."""

    folder: Path

    def append(self, day: date, line: Mapping[str, Any]) -> None:
        """Add a line to a day, on the disk when this returns, or nothing; OSError when it cannot be written."""
        owner_only(self.folder)
        text = json.dumps(line, default=_plain, ensure_ascii=False).encode() + b"\n"
        with _alone(self.path(day), os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
            before = os.fstat(descriptor).st_size
            written = os.write(descriptor, text)
            if written != len(text):
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, f"only {written} of {len(text)} bytes could be written")
            os.fsync(descriptor)

    def path(self, day: date) -> Path:
        """Where the day's lines are added."""
        return self.folder / f"{day}{_LINES}"

    def packed(self, day: date) -> Path | None:
        """The day's packed file, if it has one: of several that a crash left, the one with the most."""
        found = [path for path in self.folder.glob(f"{day}.*.parquet") if _PACKED.match(path.name)]
        return max(found, key=_bytes_of, default=None)

    def days(self) -> list[date]:
        """The days that have lines, oldest first."""
        names = {path.name[:10] for path in self.folder.glob("*") if path.suffix == _LINES or _PACKED.match(path.name)}
        return [date.fromisoformat(name) for name in sorted(names)]

    def size(self, day: date) -> int:
        """How many bytes were written of the day, packed or not: as lines are only added, it says whether there are more."""
        packed, path = self.packed(day), self.path(day)
        return (_bytes_of(packed) if packed else 0) + (path.stat().st_size if path.exists() else 0)

    def lines(self, day: date) -> list[str]:
        """The day's lines as they were written, oldest first."""
        later = []
        if self.path(day).exists():
            with _alone(self.path(day), os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
                later = _plain_lines(descriptor)
        return self._with_packed(day, later)

    def _with_packed(self, day: date, later: list[str]) -> list[str]:
        """The day's packed lines and what its plain file has; read after that, so that what is packed meanwhile is found."""
        packed = self.packed(day)
        lines = _packed_lines(packed) if packed else []
        # A crash while packing leaves both: then what is packed ends with all that the plain file has.
        return lines if later and lines[-len(later) :] == later else lines + later

    def pack(self, before: date, pack: Pack) -> Iterator[date]:
        """The days before that one that are packed now, each line held to be the one that was written.

        Raises:
            MeshError: what was packed is not what was written; then the day stays as it was.
        """
        for day in [day for day in self.days() if day < before and self.path(day).exists()]:
            with _alone(self.path(day), os.O_RDONLY) as descriptor:
                self._pack(day, self._with_packed(day, _plain_lines(descriptor)), pack)
            yield day

    def _pack(self, day: date, lines: list[str], pack: Pack) -> None:
        old = self.packed(day)
        size = sum(len(line.encode()) + 1 for line in lines)
        beside = self.folder / f".{day}.packing"
        pack(day, lines, beside)
        beside.chmod(0o600)
        if _packed_lines(beside) != lines:
            beside.unlink()
            raise MeshError(f"{self.path(day)} cannot be packed: a line would not come back as it was written. It stays as it is.")
        _to_disk(beside)
        new = self.folder / f"{day}.{size}.parquet"
        beside.replace(new)
        _to_disk(self.folder)
        for path in (self.path(day), old):
            if path and path != new:
                path.unlink()


@contextmanager
def _alone(path: Path, flags: int, lock: int = fcntl.LOCK_EX) -> Iterator[int]:
    """The file opened while nobody else adds or packs (or, with a shared lock, nobody does); opened again when it was packed meanwhile."""
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, lock)
            if os.fstat(descriptor).st_nlink:
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _plain_lines(descriptor: int) -> list[str]:
    with open(descriptor, encoding="utf-8", newline="\n", closefd=False) as file:
        text = file.read()
    # Not splitlines: a text may hold what that takes for the end of a line.
    return text.removesuffix("\n").split("\n") if text else []


def _packed_lines(path: Path) -> list[str]:
    from pyarrow import parquet

    table = parquet.ParquetFile(path).read(columns=["number", "line"]).sort_by("number")
    lines: list[str] = table.column("line").to_pylist()
    return lines


def _bytes_of(packed: Path) -> int:
    match = _PACKED.match(packed.name)
    return int(match["bytes"]) if match else 0


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
