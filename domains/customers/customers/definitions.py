"""The customers domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "customers",
    owner="team:customers",
    support="customers@example.org",
    description="Who buys at the shop and where they live.",
)
