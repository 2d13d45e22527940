"""The logistics domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "logistics",
    owner="team:logistics",
    support="logistics@example.org",
    description="How parcels travel, and whether they arrive as promised.",
)
