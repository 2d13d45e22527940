"""The nightly housekeeping of a domain: retention is kept without anybody's command."""

# No `from __future__ import annotations` here: Dagster compares the annotations of an op's function by identity.
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from dagmesh.consume.read_log import ReadLog
from dagmesh.consume.usage.reads import pack_old_days
from dagmesh.events.projections.of_product import projection_folder
from dagmesh.events.projections.state_files import remove_unused
from dagmesh.events.segments import seal, sealed_head
from dagmesh.lake.housekeeping import clean_private_tables, expire_product
from dagmesh.lake.lake import Lake
from dagmesh.lake.owner_only import private_home
from dagmesh.model.domain import Domain
from dagmesh.orchestrate.domain_events import event_store
from dagmesh.orchestrate.resources import LakeResource

SEALED_AFTER = timedelta(days=1)


def nightly_housekeeping(domain: Domain) -> dg.ScheduleDefinition:
    """A schedule, running by default, that removes what no promise of the domain keeps any more, and seals its older events."""

    @dg.op(name=f"{domain.name}_keep_promised_retention")
    def keep_promised_retention(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        now = datetime.now(UTC)
        for address in lake.lake.addresses():
            if address.domain == domain.name:
                context.log.info(expire_product(lake.lake, address, now).words)
        files = clean_private_tables(lake.lake, domain.name, now)
        context.log.info(f"{domain.name}: {files} files removed that its private tables no longer have.")
        for day in pack_old_days(ReadLog(lake.lake.home), now):
            context.log.info(f"the reads of {day} are packed.")
        for words in keep_events(lake.lake, domain, now):
            context.log.info(words)

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


def keep_events(lake: Lake, domain: Domain, now: datetime) -> Iterator[str]:
    """Seal the domain's events up to the newest that is older than a day, remove states that no product has, and say so."""
    home = private_home(lake.home, domain.name)
    if not (home / "events" / "events.sqlite").exists():
        return
    with event_store(home, domain.name) as store:
        newest_first = store.read(after=sealed_head(store).position, order="newest first")
        upto = next((event.position for event in newest_first if event.time < now - SEALED_AFTER), 0)
        while segment := seal(store, lake.signing_key(domain.name), upto):
            yield f"{domain.name}: events {segment.first} to {segment.last} are sealed."
    used = [projection_folder(home, product) for product in domain.products if product.projection]
    for folder in remove_unused(home, used):
        yield f"{domain.name}: {folder} is removed: no product has that definition."
