"""The fulfilment domain as Dagster loads it."""

from datetime import date

import dagmesh as dm

defs = dm.domain(
    "fulfilment",
    owner="team:fulfilment",
    support="fulfilment@example.org",
    description="How orders get to who placed them.",
    start=date(2026, 1, 1),
)
