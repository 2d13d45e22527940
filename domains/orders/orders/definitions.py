"""The orders domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "orders",
    owner="team:orders",
    support="orders@example.org",
    description="What is ordered, paid, shipped, delivered and returned.",
)
