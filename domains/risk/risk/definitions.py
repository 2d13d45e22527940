"""The risk domain as Dagster sees it."""

import dagmesh as dm

defs = dm.domain(
    "risk",
    owner="team:risk",
    support="risk@example.org",
    description="Which orders look like fraud.",
)
