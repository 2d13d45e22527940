"""`dm.MeshRecords`: the door through which the platform's own domain makes products of the platform's records."""

# No `from __future__ import annotations` here: Dagster reads the fields' types.

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from dagmesh.consume.usage.records import RECORD_KINDS, RecordKind, Records
from dagmesh.errors import AccessRefused, MeshError, one_of
from dagmesh.orchestrate.resources import LakeResource

RECORDS = "dagmesh/records"
PLATFORM = "mesh"


def records(kind: RecordKind) -> dict[str, str]:
    """Asset metadata naming the records a private table is made of: `metadata=dm.records("reads")`.

    The planner runs the asset again for a day of which more is recorded.

    Raises:
        MeshError: there are no such records.
    """
    if kind not in RECORD_KINDS:
        raise MeshError(f"dm.records({kind!r}): the platform keeps no such records; choose {one_of(RECORD_KINDS)}.")
    return {RECORDS: kind}


@dataclass(frozen=True)
class Recorded:
    """What is recorded of some days: the rows with their DATE column `day`, and the state that each day's were read in."""

    rows: Any
    states: Mapping[date, str]


class MeshRecords(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """The platform's records, for the plain assets of the domain `mesh`: who read what is not for every domain."""

    lake: dg.ResourceDependency[LakeResource]
    domain: str

    def reads(self, con: duckdb.DuckDBPyConnection, days: Sequence[date]) -> Recorded:
        """One row for each read that began on the days, as a relation of the run's DuckDB; `Reads.rows` says the columns."""
        return self._recorded("reads", days, lambda found: found.reads(con, days))

    def publications(self, days: Sequence[date]) -> Recorded:
        """One row for each signed publication of the days; `PublicationRow` says the columns."""
        return self._recorded("publications", days, lambda found: found.publications(days))

    def promises(self, days: Sequence[date]) -> Recorded:
        """One row for each product and day on which its promise was due; `PromiseOfDay` says the columns."""
        return self._recorded("promises", days, lambda found: found.promises(days))

    def feedback(self, days: Sequence[date]) -> Recorded:
        """One row for each thing that readers said on the days; `FeedbackRow` says the columns."""
        return self._recorded("feedback", days, lambda found: found.feedback(days))

    def _recorded(self, kind: RecordKind, days: Sequence[date], rows: Callable[[Records], Any]) -> Recorded:
        if self.domain != PLATFORM:
            message = f"{self.domain} may not read the platform's records, which only the domain '{PLATFORM}' does."
            raise AccessRefused(f"{message} Read its products: dagmesh list", reader=self.domain, address=PLATFORM)
        found = Records(self.lake.lake)
        states = {day: found.state(kind, day) for day in days}  # before the rows: what comes meanwhile is seen by the next plan
        return Recorded(rows(found), states)
