"""The platform's own records by day: reads, publications, promises and feedback, and the state that says whether a day has more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.usage.feedback import FeedbackLog
from dagmesh.consume.usage.promises import PromiseOfDay, promises_of
from dagmesh.consume.usage.publication_days import PublicationDays
from dagmesh.consume.usage.reads import Reads
from dagmesh.consume.usage.record_rows import FeedbackRow, PublicationRow, table
from dagmesh.lake.lake import Lake

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

RecordKind = Literal["reads", "publications", "promises", "feedback"]
RECORD_KINDS: tuple[RecordKind, ...] = ("reads", "publications", "promises", "feedback")


@dataclass(frozen=True)
class Records:
    """What the platform recorded in one mesh, as it is when first asked."""

    lake: Lake

    def state(self, kind: RecordKind, day: date) -> str:
        """A text that changes when more is recorded of a UTC day, and only then; no record of a log is read for it."""
        if kind in ("reads", "feedback"):
            return str((ReadLog(self.lake.home) if kind == "reads" else FeedbackLog(self.lake.home)).days.size(day))
        end = datetime.combine(day + timedelta(days=1), time(), UTC)
        found = self._published.on(day) if kind == "publications" else self._published.at(end)
        return " ".join(str(address.at_snapshot(version)) for address, version in found)

    def reads(self, con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> duckdb.DuckDBPyRelation:
        """One row for each read that began on the days, which follow one another; see `Reads.rows`."""
        return Reads(con, ReadLog(self.lake.home)).rows(min(days), max(days))

    def publications(self, days: Sequence[date]) -> pa.Table:
        """One row for each publication of the days that its domain signed: see `PublicationRow`."""
        found = [(day, *it, self._published.publication(*it)) for day in days for it in self._published.on(day)]
        return table(PublicationRow, [PublicationRow.of(day, address, said) for day, address, _, said in found if said])

    def promises(self, days: Sequence[date]) -> pa.Table:
        """One row for each product and day on which its promise was due: see `PromiseOfDay`."""
        return table(PromiseOfDay, [promise for day in days for promise in promises_of(self._published, day)])

    def feedback(self, days: Sequence[date]) -> pa.Table:
        """One row for each thing that was said on the days: see `FeedbackRow`."""
        log = FeedbackLog(self.lake.home)
        return table(FeedbackRow, [FeedbackRow.of(day, given) for day in days for given in log.on(day)])

    @cached_property
    def _published(self) -> PublicationDays:
        return PublicationDays(self.lake)


def patterns(home: Path, kind: RecordKind) -> list[str]:
    """The files of a kind that is a log, `{day}` standing for the day; none of a kind that the lake's own log decides."""
    return [str(home / kind / "{day}*")] if kind in ("reads", "feedback") else []
