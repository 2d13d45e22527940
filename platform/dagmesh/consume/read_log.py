"""The log of reads: who read what, of which snapshot, for what, on which grant; written before any row is handed out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from dagmesh.consume.dated_id import dated_id, day_of
from dagmesh.consume.day_log import DayLog
from dagmesh.errors import AddressError, MeshError
from dagmesh.model.address import Address
from dagmesh.model.grant import GrantMask

Via = Literal["python", "cli", "dagster", "http", "page", "mcp"]


@dataclass(frozen=True)
class Asking:
    """What is behind a read: who asked, through which door, and by which statement.

    The reads of one statement, or of one run of a product, share `query`, which says when it began; `statement` is the SHA-256 of its
    text, None where a whole product is read.
    """

    principal: str
    via: Via
    query: str = field(default_factory=dated_id)
    statement: str | None = None

    def again(self, statement: str | None = None) -> Asking:
        """The same one asking something new, by that text if any."""
        return replace(self, query=dated_id(), statement=None if statement is None else sha256(statement.encode()).hexdigest())


@dataclass(frozen=True)
class Served:
    """What a query handed out in the end: rows, bytes on the wire, and how it ended.

    Rows and bytes are None where the reader's own process computes them and nobody counts.
    """

    rows: int | None
    size_bytes: int | None
    milliseconds: int
    outcome: Literal["complete", "abandoned", "failed", "limit"] = "complete"


@dataclass(frozen=True)
class ReadRecord:
    """One read, or one that was refused.

    `address` carries the snapshot where one was read. `columns` are those whose values are handed out, `masked` those that are
    shown as a mask, with it. `days` and `rows` are None where they are not known: every day, and a row filter's rows. `asking` is None
    where a test reads. `price` is what the product cost when it was read, as the product describes it.
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
    price: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ReadLog:
    """One line of JSON a read in `<home>/reads/<UTC day>.jsonl`, for its owner's eyes only.

    What belongs to a query is in the file of the day on which the query began, its end too.
    """

    home: Path

    @property
    def days(self) -> DayLog:
        """Where the lines are."""
        return DayLog(self.home / "reads")

    def record(self, read: ReadRecord) -> None:
        """Write the read down, on the disk when this returns.

        Raises:
            MeshError: it cannot be written; then nothing may be read.
        """
        line = {**asdict(read), **(asdict(read.asking) if read.asking else {}), "address": str(read.address)}
        line.pop("asking")
        day = _day(read.asking.query if read.asking else "", read.at)
        try:
            self.days.append(day, line)
        except OSError as error:
            raise MeshError(
                f"{self.days.path(day)}: the read of {read.address} cannot be recorded ({error.strerror or error}), so nothing is read. "
                f"Make room, or make the folder writable for its owner."
            ) from error

    def complete(self, query: str, served: Served, at: datetime) -> None:
        """Write down what a query handed out, after its last byte.

        Raises:
            MeshError: it cannot be written; what was handed out is not taken back, and the reads stand as begun.
        """
        day = _day(query, at)
        try:
            self.days.append(day, {"at": at, "completes": query, **asdict(served)})
        except OSError as error:
            raise MeshError(
                f"{self.days.path(day)}: the end of query {query} cannot be recorded ({error.strerror or error}). "
                f"Make room, or make the folder writable for its owner."
            ) from error

    def reads(self, address: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        """The recorded reads of a product from a moment on, allowed and refused, oldest first, as JSON values.

        Args:
            address: with a major only that one's reads, with a snapshot only that one's.
            since: a moment with a time zone.

        Raises:
            MeshError: a line of the log is no record; evidence with a hole is none.
        """
        wanted = Address.parse(address)
        first = since.astimezone(UTC).date() - timedelta(days=1)  # of a query that began before midnight
        for day in [day for day in self.days.days() if day >= first]:
            for number, line in enumerate(self.days.lines(day), start=1):
                read = check_record(self.days.path(day), number, line)
                if (
                    "completes" not in read
                    and _is_of(Address.parse(read["address"]), wanted)
                    and datetime.fromisoformat(read["at"]) >= since
                ):
                    yield read


def _day(query: str, at: datetime) -> date:
    """The day that keeps a line: that on which its query began, if the query says so."""
    return day_of(query) or at.astimezone(UTC).date()


def check_record(path: Path, number: int, line: str) -> Mapping[str, Any]:
    """What the line says, as JSON values.

    Raises:
        MeshError: it is no record of a read or of an end.
    """
    try:
        read: dict[str, Any] = json.loads(line)
        if "completes" not in read:
            Address.parse(read["address"])
        datetime.fromisoformat(read["at"])
        return {**read, "at": read["at"]}
    except (ValueError, TypeError, KeyError, AddressError) as error:
        raise MeshError(f"{path}: line {number} is no record of a read: {line[:80]!r}. Put the file back as it was written.") from error


def _is_of(read: Address, wanted: Address) -> bool:
    majors = (None, read.major)
    return read.name == wanted.name and wanted.major in majors and wanted.snapshot in (None, read.snapshot)
