"""The instance's settings: valid for Dagster, fair between domains, kept when a user edited them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._utils.tags import TagConcurrencyLimitsCounter

from dagmesh.orchestrate.event_log import KeptSqliteEventLog
from dagmesh.orchestrate.instance import install, is_prepared, prepare
from dagmesh.orchestrate.launcher import ForkLauncher
from dagmesh.orchestrate.run_storage import KeptSqliteRunStorage


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(install(tmp_path))) as instance:
        yield instance


def test_dagster_opens_an_instance_from_the_settings(tmp_path: Path, instance: DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, KeptSqliteEventLog)
    assert isinstance(instance.run_storage, KeptSqliteRunStorage)
    assert isinstance(instance.schedule_storage, SqliteScheduleStorage)
    assert isinstance(instance.run_launcher, ForkLauncher)
    assert instance.root_directory == str(tmp_path / "dagster")


def test_nothing_is_reported_to_dagsters_makers(instance: DagsterInstance) -> None:
    assert not instance.telemetry_enabled


def test_the_ui_opens_without_asking_for_an_email_address(instance: DagsterInstance) -> None:
    assert not instance.nux_enabled


def test_a_queued_run_waits_at_most_a_second(instance: DagsterInstance) -> None:
    assert instance.run_coordinator.dequeue_interval_seconds == 1


def test_a_dead_worker_is_looked_for(instance: DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds == 10


def test_a_busy_domain_leaves_room_for_the_others(instance: DagsterInstance) -> None:
    queue = instance.get_concurrency_config().run_queue_config
    busy = [DagsterRun("job", status=DagsterRunStatus.STARTED, tags={"dagster/code_location": "orders"}) for _ in range(2)]

    limits = TagConcurrencyLimitsCounter(queue.tag_concurrency_limits, busy)

    assert limits.is_blocked(DagsterRun("job", tags={"dagster/code_location": "orders"}))
    assert not limits.is_blocked(DagsterRun("job", tags={"dagster/code_location": "finance"}))
    assert queue.max_concurrent_runs > len(busy)


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    file = install(tmp_path) / "dagster.yaml"
    before = file.read_text()

    assert install(tmp_path) == tmp_path / "dagster"

    assert file.read_text() == before


def test_a_home_given_as_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert install(Path("home")) == tmp_path / "home" / "dagster"
    assert str(tmp_path / "home" / "run" / "launch.sock") in (tmp_path / "home" / "dagster" / "dagster.yaml").read_text()


def test_edited_settings_are_kept_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = install(tmp_path) / "dagster.yaml"
    edited = file.read_text().replace("max_concurrent_runs: 4", "max_concurrent_runs: 3")
    file.write_text(edited)

    with caplog.at_level(logging.WARNING):
        install(tmp_path)

    assert file.read_text() == edited
    assert caplog.messages == [f"{file} was edited by hand and is kept. To have dagmesh's own settings again, delete it and start again."]


def test_settings_of_another_release_or_place_are_brought_up_to_date(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "old").mkdir()
    install(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")

    file = install(tmp_path / "new") / "dagster.yaml"

    assert str(tmp_path / "old") not in file.read_text()
    assert str(tmp_path / "new") in file.read_text()
    assert caplog.messages == []


def test_settings_written_by_somebody_else_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    install(tmp_path)

    assert (tmp_path / "dagster" / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert len(caplog.messages) == 1


def test_a_path_with_odd_characters_is_no_trouble(tmp_path: Path) -> None:
    with DagsterInstance.from_config(str(install(tmp_path / "it's {a} #home: $x"))) as instance:
        assert instance.get_runs() == []


def test_a_new_home_is_prepared_once(tmp_path: Path) -> None:
    folder = install(tmp_path)
    assert not is_prepared(folder)

    prepare(folder)

    assert is_prepared(folder)
    assert {path.name for path in folder.rglob("*.db")} == {"runs.db", "index.db", "schedules.db"}


def test_a_home_of_another_dagster_is_prepared_again(tmp_path: Path) -> None:
    folder = install(tmp_path)
    prepare(folder)
    (folder / ".dagster-version").write_text("1.12.0")

    assert not is_prepared(folder)
