"""What earlier audits found of rows that are staged again, so that the same files are not read twice for the same contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

from dagmesh.audit.profile import Profile
from dagmesh.audit.scan import Staged, Tallies

# Raised when an audit may find otherwise than the one before: what it found is then not remembered.
_EDITION: Final = 1
JUDGED_BY: Final = f"dagmesh's audit {_EDITION} on DuckDB {duckdb.__version__}"


@dataclass(frozen=True)
class Known:
    """What is known of some days (None: of a whole product).

    `tallies` are theirs, `profile` is that of the publication they were found in, `rest` are the rows of the other days, and
    `is_partial` says whether there are such days.
    """

    tallies: Tallies
    profile: Profile
    rest: Staged
    is_partial: bool
