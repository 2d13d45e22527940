"""A run made in this process: the UI finds it in its domain's code location, and it stays as it ended."""

from pathlib import Path

import dagster as dg

from dagmesh.orchestrate.instance import install
from dagmesh.orchestrate.run_origin import note_origin, origin_tags


@dg.asset
def rows() -> None:
    """Nothing."""


def test_an_ended_run_belongs_to_the_code_location(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(install(tmp_path))) as instance:
        run_id = dg.materialize([rows], instance=instance, tags=origin_tags("orders")).run_id

        note_origin(instance, run_id, "orders")

        (found,) = instance.get_runs(dg.RunsFilter(tags={".dagster/repository": "__repository__@orders"}))
        assert found.remote_job_origin is not None
        assert found.remote_job_origin.repository_origin.get_label() == "__repository__@orders"
        assert (found.run_id, found.status, found.job_name) == (run_id, dg.DagsterRunStatus.SUCCESS, found.remote_job_origin.job_name)


def test_a_run_nobody_knows_is_left_alone(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(install(tmp_path))) as instance:
        note_origin(instance, "no-such-run", "orders")

        assert instance.get_runs() == []
