"""What the newsletter tool hands over: who subscribes, and what was sent to whom."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("marketing")
FIELDS = {"customer_id": "VARCHAR", "topic": "VARCHAR", "campaign_id": "VARCHAR"}


@dg.asset(metadata=dm.files(f"{EXPORTS}/base.jsonl"))
def base_events(lake: dm.LakeResource) -> dm.Export:
    """The subscribers as they were when the exports began."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/base.jsonl", [], FIELDS, closed=True)


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def newsletter_events(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> dm.Export:
    """Subscriptions and campaign mails by the day they were handed over, each once."""
    return dm.read_json_lines(lake.connection(), f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), FIELDS, closed=True)
