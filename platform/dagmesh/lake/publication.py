"""Publications: the signed record of a snapshot, carried in the Delta commit that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal


@dataclass(frozen=True)
class Record:
    """What the caller says of a publication; plain JSON values but for days and times.

    `made_of` holds, per published day (None for a whole product), sixteen hexadecimal digits that say of what contract,
    code and inputs the rows were made. `completeness` holds shares by day (None: of all that is published here).
    """

    run_id: str
    published_at: datetime
    made_of: Mapping[date | None, str]
    completeness: Mapping[date | None, float] = field(default_factory=dict)
    checks: Sequence[Mapping[str, Any]] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Publication:
    """The signed record of one snapshot. `days` and `files` are what this commit added; `rows` counts the snapshot's rows."""

    kind: Literal["publish", "rollback", "expire"]
    address: str
    version: str
    snapshot: int
    product: Mapping[str, Any]
    contract_fingerprint: str
    code_version: str
    run_id: str
    published_at: datetime
    days: Mapping[str, Mapping[str, Any]]
    rows: int
    files: Sequence[Mapping[str, Any]]
    manifest: str
    checks: Sequence[Mapping[str, Any]]
    profile: Mapping[str, Any]
    completeness: float
    inputs: Mapping[str, Mapping[str, Any]]
    reason: str
    key_id: str
