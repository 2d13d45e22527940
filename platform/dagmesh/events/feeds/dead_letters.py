"""Dead letters: what arrived and is no event, as it was, with the reason; each is there once, however often it arrives."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

Raw = bytes | str | Mapping[str, Any]


@dataclass(frozen=True)
class DeadLetter:
    """One thing that is no event. `line` counts from 1; of a row it is the row, of a message its number in the stream.

    `raw` is what arrived: text, bytes, or the values of a row.
    """

    file: str
    line: int
    reason: str
    raw: Raw

    @property
    def text(self) -> str:
        """What arrived, as text; `text.encode("utf-8", "surrogateescape")` gives the very bytes."""
        if isinstance(self.raw, bytes):
            return self.raw.decode("utf-8", "surrogateescape")
        return self.raw if isinstance(self.raw, str) else json.dumps(self.raw, default=str)

    @property
    def key(self) -> bytes:
        """The same for the same thing at the same place; reasons may change, a clock's for example."""
        said = json.dumps([self.file, self.line, self.text]).encode()
        return hashlib.blake2b(said, digest_size=16).digest()


class DeadLetters:
    """A feed's dead letters: `<domain's home>/dead_letters/<feed>.jsonl`, a JSON object a line, for its owner only.

    They hold what producers sent, personal values too. Any number of processes may add.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._there: set[bytes] = set()
        self._end = 0  # of what was read of the file

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Have the letters on the disk, each once."""
        if not letters:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            new = {letter.key: letter for letter in letters if letter.key not in self._there}
            file.seek(self._end)
            file.truncate()  # half a line, of one who was stopped while writing it
            file.write(b"".join(_line(letter) for letter in new.values()))
            file.flush()
            os.fsync(file.fileno())
            self._there |= new.keys()
            self._end = file.tell()

    def read(self) -> Iterator[DeadLetter]:
        """The letters, oldest first."""
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from (_letter(line) for line in file if line.endswith(b"\n"))

    def _catch_up(self, file: BinaryIO) -> None:
        """Know what others added since, or that the file was emptied."""
        if os.fstat(file.fileno()).st_size < self._end:
            self._there, self._end = set(), 0
        file.seek(self._end)
        for line in file:
            if line.endswith(b"\n"):
                self._there.add(_letter(line).key)
                self._end += len(line)


def _line(letter: DeadLetter) -> bytes:
    said = {"file": letter.file, "line": letter.line, "reason": letter.reason, "raw": letter.text}
    return json.dumps(said).encode() + b"\n"


def _letter(line: bytes) -> DeadLetter:
    said = json.loads(line)
    return DeadLetter(said["file"], said["line"], said["reason"], said["raw"])
