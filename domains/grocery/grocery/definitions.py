"""The grocery domain as Dagster loads it."""

import dagmesh as dm

defs = dm.domain(
    "grocery",
    owner="team:grocery",
    support="grocery@example.org",
    description="What the households of a grocery panel buy, and which campaigns make them use coupons.",
)
