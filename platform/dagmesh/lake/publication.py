"""Publications: the signed record of a snapshot, carried in the Delta commit that made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

from dagmesh.lake.data_file import DataFile

Kind = Literal["publish", "rollback", "expire"]


@dataclass(frozen=True)
class Record:
    """What the caller says of a publication; JSON values but for days and times.

    Args:
        run_id: the run that made it.
        published_at: when, in UTC.
        made_of: for each published day (None: the whole product) sixteen hexadecimal digits that say of what contract,
            code and inputs its rows were made.
        completeness: the share of complete records by day (None: of the whole); 1 where it says nothing.
        checks: one result for each rule of the contract.
        profile: measures of the columns.
        inputs: for each parameter what it read.
        through: the newest day a whole product covers; a daily one's is its newest day.
        seconds: how long the run worked on it.
        reason: why, where that is not plain.
        lineage: for each column what it is made of: source (an address or a private table's name), its column, and the way.
        judged_by: which audit judged the rows; another may find otherwise.
        audited: for each day (None: the whole product) whose rows need not be judged again, what was counted of them.
    """

    run_id: str
    published_at: datetime
    made_of: Mapping[date | None, str]
    completeness: Mapping[date | None, float] = field(default_factory=dict)
    checks: Sequence[Mapping[str, Any]] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    through: date | None = None
    seconds: float = 0.0
    reason: str = ""
    lineage: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    judged_by: str = ""
    audited: Mapping[date | None, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Publication:
    """The signed record of one snapshot.

    `days` has rows and completeness of the days this commit published (a whole product: none), `files` what it added.
    `rows`, `through`, `manifest`, `mixed` and `incomplete` are of the snapshot as it is after the commit: `manifest` is
    the hash over its files, `mixed` says that older files may lack columns of the contract, `incomplete` has every day
    whose completeness is below 1. `audited` has what the audit `judged_by` counted of the days added (a whole product: of "").
    """

    kind: Kind
    address: str
    version: str
    snapshot: int
    published_at: datetime
    run_id: str
    reason: str
    product: Mapping[str, Any]
    contract_fingerprint: str
    code_version: str
    days: Mapping[str, Mapping[str, Any]]
    rows: int
    through: date | None
    files: Sequence[Mapping[str, Any]]
    manifest: str
    checks: Sequence[Mapping[str, Any]]
    profile: Mapping[str, Any]
    completeness: float
    inputs: Mapping[str, Mapping[str, Any]]
    key_id: str
    seconds: float = 0.0
    mixed: bool = False
    incomplete: Mapping[str, float] = field(default_factory=dict)
    lineage: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    judged_by: str = ""
    audited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    encrypted: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and DuckDB type of each column, in contract order."""
        return [(column["name"], column["type"]) for column in self.product["contract"]["columns"]]

    @property
    def day_column(self) -> str | None:
        """The column that says the day; None for a whole product."""
        day_column: str | None = self.product["partitioned_by"]
        return day_column

    def to_json(self) -> str:
        """The text that is signed: sorted keys, no spaces."""
        through = self.through.isoformat() if self.through else None
        return canonical(vars(self) | {"published_at": self.published_at.isoformat(), "through": through})

    @classmethod
    def from_json(cls, text: str) -> Publication:
        """The publication of a signed text; fields that a newer dagmesh wrote are left out.

        Raises:
            ValueError, KeyError, TypeError: the text is no publication.
        """
        values = json.loads(text)
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        known["published_at"] = datetime.fromisoformat(known["published_at"])
        known["through"] = date.fromisoformat(known["through"]) if known["through"] else None
        return cls(**known)


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def manifest(files: Iterable[DataFile]) -> str:
    """SHA-256 over the names, sizes and rows of a snapshot's files and their number.

    A file's name holds the hash of its content, so the signature of a manifest is a signature of the content.
    """
    lines = sorted(f"{file.path} {file.size} {file.rows}\n" for file in files)
    return hashlib.sha256(f"{len(lines)}\n{''.join(lines)}".encode()).hexdigest()
