"""The log of reads: who read what, of which snapshot, for what, on which grant; written before any row is handed out."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from dagmesh.errors import MeshError
from dagmesh.lake.owner_only import owner_only
from dagmesh.model.address import Address
from dagmesh.model.grant import GrantMask

Via = Literal["python", "cli", "dagster", "http", "page", "mcp"]


@dataclass(frozen=True)
class Asking:
    """What is behind a read: who asked, through which door, and by which statement.

    The reads of one statement share `query`; `statement` is the SHA-256 of its text, None where a whole product is read.
    """

    principal: str
    via: Via
    query: str = field(default_factory=lambda: uuid.uuid4().hex)
    statement: str | None = None


@dataclass(frozen=True)
class Served:
    """What a query handed out in the end: rows, bytes on the wire, and how it ended."""

    rows: int
    size_bytes: int
    milliseconds: int
    outcome: Literal["complete", "abandoned", "failed", "limit"] = "complete"


@dataclass(frozen=True)
class ReadRecord:
    """One read, or one that was refused.

    `address` carries the snapshot where one was read. `columns` are those whose values are handed out, `masked` those that are
    shown as a mask, with it. `days` and `rows` are None where they are not known: every day, and a row filter's rows. `asking` is None
    where a run of Dagster or a test reads.
    """

    at: datetime
    reader: str
    address: Address
    columns: tuple[str, ...] = ()
    masked: Mapping[str, GrantMask] | None = None
    days: tuple[date, ...] | None = None
    rows: int | None = None
    purpose: str | None = None
    grant: str | None = None
    decision: Literal["allowed", "refused"] = "allowed"
    why: str | None = None
    asking: Asking | None = None


@dataclass(frozen=True)
class ReadLog:
    """One line of JSON a read in `<home>/reads/<UTC day>.jsonl`, for its owner's eyes only."""

    home: Path

    def record(self, read: ReadRecord) -> None:
        """Write the read down, on the disk when this returns.

        Raises:
            MeshError: it cannot be written; then nothing may be read.
        """
        line = {**asdict(read), **(asdict(read.asking) if read.asking else {}), "address": str(read.address)}
        line.pop("asking")
        try:
            self._write(read.at, line)
        except OSError as error:
            raise MeshError(
                f"{self._path(read.at)}: the read of {read.address} cannot be recorded ({error.strerror or error}), so nothing is read. "
                f"Make room, or make the folder writable for its owner."
            ) from error

    def refuse(self, asking: Asking, reader: str, why: str, at: datetime, purpose: str | None = None) -> None:
        """Write down a statement that was refused before it came to any product.

        Raises:
            MeshError: it cannot be written.
        """
        line = {"at": at, "refuses": asking.query, **asdict(asking), "reader": reader, "purpose": purpose, "why": why}
        try:
            self._write(at, {**line, "decision": "refused"})
        except OSError as error:
            raise MeshError(
                f"{self._path(at)}: the refusal of query {asking.query} cannot be recorded ({error.strerror or error}). "
                f"Make room, or make the folder writable for its owner."
            ) from error

    def complete(self, query: str, served: Served, at: datetime) -> None:
        """Write down what a query handed out, after its last byte.

        Raises:
            MeshError: it cannot be written; what was handed out is not taken back, and the reads stand as begun.
        """
        try:
            self._write(at, {"at": at, "completes": query, **asdict(served)})
        except OSError as error:
            raise MeshError(
                f"{self._path(at)}: the end of query {query} cannot be recorded ({error.strerror or error}). "
                f"Make room, or make the folder writable for its owner."
            ) from error

    def _path(self, at: datetime) -> Path:
        return self._folder / f"{at.astimezone(UTC).date()}.jsonl"

    def _write(self, at: datetime, line: Mapping[str, Any]) -> None:
        owner_only(self._folder)
        append_line(self._path(at), json.dumps(line, default=_plain, ensure_ascii=False).encode() + b"\n")

    def reads(self, address: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        """The recorded reads of a product from a moment on, allowed and refused, oldest first, as JSON values.

        Args:
            address: with a major only that one's reads, with a snapshot only that one's.
            since: a moment with a time zone.

        Raises:
            MeshError: a line of the log is no record; evidence with a hole is none.
        """
        wanted = Address.parse(address)
        first = f"{since.astimezone(UTC).date()}.jsonl"
        for path in sorted(path for path in self._folder.glob("*.jsonl") if path.name >= first):
            # Not splitlines: a purpose may hold what that takes for the end of a line.
            for number, line in enumerate(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"), start=1):
                read = _record(path, number, line)
                if "address" in read and _is_of(Address.parse(read["address"]), wanted) and datetime.fromisoformat(read["at"]) >= since:
                    yield read

    @property
    def _folder(self) -> Path:
        return self.home / "reads"


def append_line(path: Path, line: bytes) -> None:
    """Add the whole line at the end of the file, on the disk, or nothing: the lines of several readers do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = os.fstat(descriptor).st_size
        written = os.write(descriptor, line)
        if written != len(line):
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _record(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        read: dict[str, Any] = json.loads(line)
        if "completes" not in read and "refuses" not in read:
            Address.parse(read["address"])
        return {**read, "at": read["at"]}
    except (ValueError, TypeError, KeyError) as error:
        raise MeshError(f"{path}: line {number} is no record of a read: {line[:80]!r}. Put the file back as it was written.") from error


def _is_of(read: Address, wanted: Address) -> bool:
    majors = (None, read.major)
    return read.name == wanted.name and wanted.major in majors and wanted.snapshot in (None, read.snapshot)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
