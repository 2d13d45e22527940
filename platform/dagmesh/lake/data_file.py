"""Data files: one Parquet file of a snapshot, whose name says its day, its content and what it was made of."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_REMEMBERED = 16_384  # names
_NAME = re.compile(
    r"((?P<column>[^/=]+)=(?P<day>\d{4}-\d\d-\d\d)/)?(?P<sha256>[0-9a-f]{64})\.(?P<row_hash>[0-9a-f]{16})\.(?P<made_of>[0-9a-f]{16})\.[0-9a-f]{8}\.parquet\Z"
)


@dataclass(frozen=True, order=True)
class DataFile:
    """One Parquet file of a snapshot.

    `path` is relative to the table: `[<column>=<day>/]<sha256>.<row hash>.<made of>.<nonce>.parquet`.
    """

    path: str
    size: int
    rows: int

    @classmethod
    def name(cls, folder: str, sha256: str, row_hash: int, made_of: str) -> str:
        """A path nobody has used yet.

        Raises:
            ValueError: `made_of` is not sixteen hexadecimal digits.
        """
        path = f"{folder}{'/' if folder else ''}{sha256}.{row_hash:016x}.{made_of}.{secrets.token_hex(4)}.parquet"
        if not _NAME.match(path):
            raise ValueError(f"'{path}': made_of is sixteen hexadecimal digits; got '{made_of}'.")
        return path

    @property
    def is_named(self) -> bool:
        """Whether the path is one that `name` gives."""
        return _parsed(self.path) is not None

    @property
    def day(self) -> date | None:
        """The day of the rows; None in a whole product."""
        return _day(self.path)

    @property
    def sha256(self) -> str:
        """The hash of the content."""
        return self._part("sha256")

    @property
    def row_hash(self) -> int:
        """The sum of the rows' hashes, whatever their order, modulo 2^64."""
        return int(self._part("row_hash") or "0", 16)

    @property
    def made_of(self) -> str:
        """What the rows were made of."""
        return self._part("made_of")

    def _part(self, group: str) -> str:
        match = _parsed(self.path)
        return (match[group] or "") if match else ""


# A table's files are looked at many times in a plan and in a publication, most of them the same ones as before.
@lru_cache(maxsize=_REMEMBERED)
def _parsed(path: str) -> re.Match[str] | None:
    return _NAME.match(path)


@lru_cache(maxsize=_REMEMBERED)
def _day(path: str) -> date | None:
    match = _parsed(path)
    return date.fromisoformat(match["day"]) if match and match["day"] else None


def digest(files: Iterable[DataFile]) -> str:
    """Sixteen hexadecimal digits over the rows of files; the same for the same rows in another order, other files, other bytes."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        rows, hashes = sums.get(str(file.day), (0, 0))
        sums[str(file.day)] = rows + file.rows, (hashes + file.row_hash) % 2**64
    lines = (f"{day} {rows} {hashes}" for day, (rows, hashes) in sorted(sums.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
