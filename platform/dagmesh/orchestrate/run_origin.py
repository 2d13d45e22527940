"""Where a run made in this process belongs: to its domain's code location, as if that had launched it."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import CODE_LOCATION_TAG, REPOSITORY_LABEL_TAG


def origin_tags(location: str) -> dict[str, str]:
    """The run tags that name the code location: the queue counts by one, the UI filters by the other."""
    return {CODE_LOCATION_TAG: location, REPOSITORY_LABEL_TAG: f"{SINGLETON_REPOSITORY_NAME}@{location}"}


def note_origin(instance: dg.DagsterInstance, run_id: str, location: str) -> None:
    """Note on an ended run that its job is the code location's, so that the UI's timeline shows it and can run it again."""
    run = instance.get_run_by_id(run_id)
    if run is not None:
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), SINGLETON_REPOSITORY_NAME)
        instance.run_storage.replace_job_origin(run, RemoteJobOrigin(repository, run.job_name))
