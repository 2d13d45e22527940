"""What the customer register hands over goes into the domain's event store: registrations and moves."""

import dagster as dg

import dagmesh as dm

EXPORTS = dm.exports("customers")


@dg.asset(metadata=dm.files(f"{EXPORTS}/base.jsonl"))
def base_events(events: dm.EventStoreResource) -> dm.Arrivals:
    """The register as it was when the exports began."""
    return events.feed_json_lines(f"{EXPORTS}/base.jsonl", closed=True)


@dg.asset(
    partitions_def=dm.daily("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    metadata=dm.files(f"{EXPORTS}/{{day}}.jsonl"),
)
def customer_events(context: dg.AssetExecutionContext, events: dm.EventStoreResource) -> dm.Arrivals:
    """Registrations and moves by the day they were handed over, each once; what is no event is set aside with its reason."""
    return events.feed_json_lines(f"{EXPORTS}/{{day}}.jsonl", dm.days_of(context), closed=True)
