"""The mesh domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "mesh",
    owner="team:platform",
    support="platform@example.org",
    description="What the mesh knows of itself: who reads what, what it costs, what is published and promised, what readers say.",
)
