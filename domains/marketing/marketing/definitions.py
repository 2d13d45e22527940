"""The marketing domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "marketing",
    owner="team:marketing",
    support="marketing@example.org",
    description="Whom the shop writes to, and what comes of it.",
)
