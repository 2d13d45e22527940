"""What the platform recorded of each day that is over: the private tables that the mesh's products are made of."""

import dagster as dg

import dagmesh as dm

DAILY = dm.daily("2026-01-01")
AT_ONCE = dg.BackfillPolicy.single_run()


@dg.asset(partitions_def=DAILY, backfill_policy=AT_ONCE, metadata=dm.records("reads"))
def reads(context: dg.AssetExecutionContext, lake: dm.LakeResource, records: dm.MeshRecords) -> dm.Recorded:
    """One row per read that began on the day, joined with its end and its charge."""
    return records.reads(lake.connection(), dm.days_of(context))


@dg.asset(partitions_def=DAILY, backfill_policy=AT_ONCE, metadata=dm.records("publications"))
def signed_publications(context: dg.AssetExecutionContext, records: dm.MeshRecords) -> dm.Recorded:
    """One row per publication of the day that its domain signed."""
    return records.publications(dm.days_of(context))


@dg.asset(partitions_def=DAILY, backfill_policy=AT_ONCE, metadata=dm.records("promises"))
def promises(context: dg.AssetExecutionContext, records: dm.MeshRecords) -> dm.Recorded:
    """One row per product whose promise was due on the day."""
    return records.promises(dm.days_of(context))


@dg.asset(partitions_def=DAILY, backfill_policy=AT_ONCE, metadata=dm.records("feedback"))
def said(context: dg.AssetExecutionContext, records: dm.MeshRecords) -> dm.Recorded:
    """One row per thing that a reader said on the day, with the answers it has by now."""
    return records.feedback(dm.days_of(context))
