"""What the order system hands over goes into the domain's event store: the life of every order, event by event."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("orders")


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def order_events(context: dg.AssetExecutionContext, events: dm.EventStoreResource) -> dm.Arrivals:
    """Order events by the day they were handed over, each once; what is no event is set aside with its reason."""
    return events.feed_json_lines(f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), closed=True)
