"""The marketing domain as Dagster loads it."""

from datetime import date

import dagmesh as dm

defs = dm.domain(
    "marketing",
    owner="team:marketing",
    support="marketing@example.org",
    description="Which campaigns touch whom, and what becomes of it.",
    start=date(2026, 1, 1),
)
