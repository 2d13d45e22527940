"""The customer domain as Dagster loads it."""

from datetime import date

import dagmesh as dm

defs = dm.domain(
    "customer",
    owner="team:customer",
    support="customer@example.org",
    description="What each customer buys, and which segment that makes.",
    start=date(2026, 1, 1),
)
