"""The nightly housekeeping of a domain: retention is kept without anybody's command."""

# No `from __future__ import annotations` here: Dagster compares the annotations of an op's function by identity.
from datetime import UTC, datetime

import dagster as dg

from dagmesh.lake.housekeeping import clean_private_tables, expire_product
from dagmesh.model.domain import Domain
from dagmesh.orchestrate.resources import LakeResource


def nightly_housekeeping(domain: Domain) -> dg.ScheduleDefinition:
    """A schedule, running by default, that removes what no promise of the domain keeps any more."""

    @dg.op(name=f"{domain.name}_keep_promised_retention")
    def keep_promised_retention(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        now = datetime.now(UTC)
        for address in lake.lake.addresses():
            if address.domain == domain.name:
                context.log.info(expire_product(lake.lake, address, now).words)
        files = clean_private_tables(lake.lake, domain.name, now)
        context.log.info(f"{domain.name}: {files} files removed that its private tables no longer have.")

    @dg.job(name=f"{domain.name}_housekeeping", description=f"Removes days, snapshots and stages that no promise of {domain.name} keeps.")
    def housekeeping() -> None:
        keep_promised_retention()

    return dg.ScheduleDefinition(
        name=f"{domain.name}_nightly",
        job=housekeeping,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
