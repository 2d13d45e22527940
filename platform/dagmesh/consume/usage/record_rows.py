"""The platform's records as rows: a publication, and what a reader said; a table of any such rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from dagmesh.consume.usage.feedback import Feedback
from dagmesh.lake.publication import Publication
from dagmesh.model.address import Address

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class PublicationRow:
    """One publication, on the UTC day on which it was published; `newest_day` and `row_count` are of the snapshot as it is after it."""

    day: date
    product: str
    major: int
    snapshot: int
    published_at: datetime
    kind: str
    version: str
    owner: str
    run_id: str
    reason: str
    published_days: int
    newest_day: date | None
    row_count: int
    completeness: float
    checks: int
    failed_checks: int
    seconds: float

    @classmethod
    def of(cls, day: date, address: Address, said: Publication) -> PublicationRow:
        """The row of a publication."""
        failed = sum(not check["passed"] for check in said.checks)
        what = said.snapshot, said.published_at, said.kind, said.version, said.product["owner"], said.run_id, said.reason
        covers = len(said.days), said.through, said.rows, said.completeness
        return cls(day, address.name, address.major or 0, *what, *covers, len(said.checks), failed, said.seconds)


@dataclass(frozen=True)
class FeedbackRow:
    """One thing that was said of a product, on the UTC day on which it was said, with the answers it has by now."""

    day: date
    feedback_id: str
    given_at: datetime
    product: str
    major: int
    snapshot: int
    author: str
    reader: str
    kind: str
    stars: int | None
    text: str
    row_key: str | None
    is_open: bool
    answers: int
    answered_at: datetime | None

    @classmethod
    def of(cls, day: date, given: Feedback) -> FeedbackRow:
        """The row of what was said; the key of a wrong row is JSON text."""
        address, said = given.address, given.said
        key = json.dumps(said.key, ensure_ascii=False) if said.key else None
        answered = given.answers[0].at if given.answers else None
        about = day, given.id, given.at, address.name, address.major or 0, address.snapshot or 0, given.author, given.reader
        return cls(*about, said.kind, said.stars, said.text, key, given.is_open, len(given.answers), answered)


def table(kind: type[Any], rows: Sequence[Any]) -> pa.Table:
    """The rows, of one dataclass whose fields are texts, numbers, days and moments, as a table with its columns."""
    import pyarrow as pa

    types = {
        "str": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "datetime": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(field.name, types[str(field.type).removesuffix(" | None")]) for field in fields(kind)])
    return pa.Table.from_pylist([vars(row) for row in rows], schema=schema)
