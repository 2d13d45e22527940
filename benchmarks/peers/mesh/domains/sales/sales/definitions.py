"""The sales domain as Dagster loads it."""

from datetime import date

import dagmesh as dm

defs = dm.domain(
    "sales",
    owner="team:sales",
    support="sales@example.org",
    description="What is on sale, to whom it is sold and what that brings.",
    start=date(2026, 1, 1),
)
