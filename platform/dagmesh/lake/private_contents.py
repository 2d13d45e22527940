"""What a private table holds: which files each day has, of which columns, made of what. One JSON file, replaced at once."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from dagmesh.lake.rows_sql import Columns


@dataclass(frozen=True)
class Part:
    """One day of a table, or the whole.

    `row_hash` is the sum of the rows' hashes, 16 hexadecimal digits; `schema` is the position of its columns among the
    table's schemas.
    """

    files: tuple[str, ...]
    rows: int
    row_hash: str
    made_of: str
    completeness: float
    schema: int = 0

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits over the rows; the same for the same rows in another order or other files."""
        return _digest([f"{self.rows} {self.row_hash}"])


@dataclass(frozen=True)
class Contents:
    """All parts of a table, by day (None: the whole), and the columns that its files have or had."""

    parts: Mapping[date | None, Part] = field(default_factory=dict)
    schemas: tuple[Columns, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Contents:
        """What the file says; nothing when there is no file."""
        state = _state(path)
        if state is None:
            return cls()
        known, contents = _remembered.get(path, (None, None))
        if contents is None or known != state:
            contents = _parsed(path)
            _remember(path, state, contents)
        return contents

    def write(self, path: Path) -> None:
        """Let the file say this, whole at once."""
        parts = {str(day or ""): vars(part) for day, part in self.parts.items()}
        beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        beside.write_text(json.dumps({"parts": parts, "schemas": self.schemas}), encoding="utf-8")
        state = _state(beside)
        beside.replace(path)
        _remember(path, state, self)

    def with_parts(self, written: Mapping[date | None, Part], columns: Columns) -> Contents:
        """The contents in which the written days (None: the whole) replace exactly theirs."""
        schemas = self.schemas if columns in self.schemas else (*self.schemas, columns)
        parts: dict[date | None, Part] = {day: part for day, part in self.parts.items() if day and None not in written}
        parts.update({day: replace(part, schema=schemas.index(columns)) for day, part in written.items()})
        return Contents(parts, schemas)

    @property
    def is_daily(self) -> bool:
        """Whether the table is made day by day."""
        return bool(self.parts) and None not in self.parts

    @property
    def files(self) -> frozenset[str]:
        """Every file of the table."""
        return frozenset(file for part in self.parts.values() for file in part.files)

    @cached_property
    def digests(self) -> Mapping[date | None, str]:
        """The digest of each part."""
        return {day: part.digest for day, part in self.parts.items()}

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits over the whole content."""
        return _digest(sorted(f"{day}{digest}" for day, digest in self.digests.items()))

    def chosen(self, days: Collection[date] | None) -> list[Part]:
        """The parts of these days (None: all), oldest first."""
        return [self.parts[day] for day in sorted(self.parts, key=str) if days is None or day is None or day in days]

    def columns_of(self, parts: Sequence[Part]) -> tuple[Columns, bool]:
        """The columns of the parts together, the newest schema's first, and whether some part lacks some of them."""
        schemas = sorted({part.schema for part in parts}, reverse=True) or [len(self.schemas) - 1]
        columns: dict[str, str] = {}
        for schema in schemas:
            columns = {**columns, **{name: kind for name, kind in self.schemas[schema] if name not in columns}}
        return list(columns.items()), len(schemas) > 1


State = tuple[int, int, int]
# A plan asks for each table's contents many times, who writes them reads them next, and those of a year of days take a while to read.
_remembered: dict[Path, tuple[State | None, Contents]] = {}
_MOST = 64


def _state(path: Path) -> State | None:
    """What changes when a file is replaced; None when there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _remember(path: Path, state: State | None, contents: Contents) -> None:
    _remembered[path] = state, contents
    for oldest in list(_remembered)[:-_MOST]:
        _remembered.pop(oldest, None)


def _parsed(path: Path) -> Contents:
    values = json.loads(path.read_text(encoding="utf-8"))
    parts = {
        date.fromisoformat(day) if day else None: Part(**{**part, "files": tuple(part["files"])}) for day, part in values["parts"].items()
    }
    return Contents(parts, tuple([(name, kind) for name, kind in schema] for schema in values["schemas"]))


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
