"""The finance domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "finance",
    owner="team:finance",
    support="finance@example.org",
    description="What the shop earns.",
)
