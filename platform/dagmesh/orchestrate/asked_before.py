"""What a sensor asked for before, and what came of it: read from Dagster's runs, so that it holds over restarts."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, RUN_KEY_TAG, SENSOR_NAME_TAG, WILL_RETRY_TAG

RETRIED_WITHIN = 300.0  # seconds in which Dagster's daemon tries a crashed run again
_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class AskedBefore:
    """The runs one sensor asked for."""

    instance: dg.DagsterInstance
    sensor: str

    def under_way(self, now: float) -> str | None:
        """The id of the run that waits, goes on or is about to be tried again after a crash; None when there is none."""
        newest = self.instance.get_run_records(dg.RunsFilter(tags={SENSOR_NAME_TAG: self.sensor}), limit=1)
        return next((_short(record.dagster_run) for record in newest if _goes_on(record, now)), None)

    def in_vain(self, run_key: str) -> str | None:
        """The run that was asked for with this key and is over, whatever came of it; None when there is none."""
        filters = dg.RunsFilter(statuses=_OVER, tags={SENSOR_NAME_TAG: self.sensor, RUN_KEY_TAG: run_key})
        return next((f"run {_short(run)} ({run.status.value.lower()})" for run in self.instance.get_runs(filters, limit=1)), None)


def _goes_on(record: dg.RunRecord, now: float) -> bool:
    run = record.dagster_run
    if run.status == dg.DagsterRunStatus.FAILURE:
        will_be_retried = run.tags.get(WILL_RETRY_TAG) == "true" and AUTO_RETRY_RUN_ID_TAG not in run.tags
        return will_be_retried and now < (record.end_time or 0) + RETRIED_WITHIN
    # One that is not started was left by a daemon that died: asked for again, it is launched.
    return not run.is_finished and run.status != dg.DagsterRunStatus.NOT_STARTED


def _short(run: dg.DagsterRun) -> str:
    return run.run_id[:8]
