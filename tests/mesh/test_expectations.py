"""What a consumer relies on is checked before the producer publishes: it warns, or stops the publication when the producer accepted it."""

import dagster as dg
import pytest
from tests.small_mesh import SmallMesh, forget

from dagmesh.consume.broken_expectations import broken_by
from dagmesh.consume.expectations import expectations_of
from dagmesh.errors import NotPublished
from dagmesh.model.address import Address
from dagmesh.orchestrate.instance import install

READINGS, TOTALS = "domains/sensors/sensors/products/readings.py", "domains/reports/reports/products/totals.py"
KEY = dg.AssetKey(["sensors", "readings_v1"])
NAME = "expected_by__reports_totals"
ADDRESS = Address("sensors", "readings", 1)
EXPECTS = '''class NeededReadings(dm.Contract):
    """One row per sensor and day."""

    degrees: int = dm.field(description="Mean temperature.", {rule})


@dm.data_product('''


def rely_on(mesh: SmallMesh, rule: str = "le=50", **said: str) -> None:
    """Let reports.totals say what it relies on."""
    mesh.change(TOTALS, "@dm.data_product(", EXPECTS.format(rule=rule))
    words = "".join(f", {word}={value!r}" for word, value in {"purpose": "Heating plan.", **said}.items())
    mesh.change(TOTALS, '"sensors.readings@1"', f'dm.read("sensors.readings@1", expects=NeededReadings{words})')


def accept(mesh: SmallMesh) -> None:
    mesh.change(READINGS, 'serves=["reports"],', 'serves=["reports"],\n    accepts=["reports.totals"],')


def checks(mesh: SmallMesh, *names: str) -> list[tuple[str, bool, str]]:
    """The newest result that Dagster has of each check: name, whether it passed, severity."""
    with dg.DagsterInstance.from_config(str(install(mesh.mesh.home))) as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(KEY, name) for name in names])
        evaluations = {key.name: record.event.dagster_event.asset_check_evaluation_data for key, record in found.items()}
    return [(name, evaluations[name].passed, evaluations[name].severity.value) for name in names if name in evaluations]


def signed(mesh: SmallMesh) -> dict[str, dict]:
    """The checks that the newest snapshot's publication signs, by name."""
    return {check["name"]: check for check in mesh.lake.table(ADDRESS).snapshot().publication.checks}


def failures(runs) -> list[str]:
    return [message for run in runs for message in run.messages]


@pytest.fixture
def relied_on(small_mesh: SmallMesh) -> SmallMesh:
    """A mesh where reports.totals relies on at most 50 degrees and has published that, and the first day is published."""
    rely_on(small_mesh)
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    return small_mesh


def test_an_expectation_that_nobody_accepted_warns_and_the_rows_are_published(relied_on) -> None:
    relied_on.export("2026-11-02", 10, 60)

    runs = relied_on.build("2026-11-02")

    assert failures(runs) == []
    assert [row[2] for row in relied_on.rows("sensors.readings")] == [10, 10, 20, 60]
    assert checks(relied_on, NAME, "expected_by_others") == [(NAME, False, "WARN"), ("expected_by_others", True, "WARN")]
    check = signed(relied_on)[NAME]
    assert (check["text"], check["failing_rows"], check["failed_days"]) == ("reports.totals relies on degrees <= 50", 1, ["2026-11-02"])
    assert check["detail"] == (
        "Not accepted by team:sensors, so it only warns: talk to team:reports, or name 'reports.totals' in accepts of readings."
    )


def test_an_accepted_expectation_stops_only_the_day_that_breaks_it(relied_on) -> None:
    accept(relied_on)
    relied_on.export("2026-11-02", 10, 60)
    relied_on.export("2026-11-03", 10, 50)

    runs = relied_on.build("2026-11-02", "2026-11-03")

    assert failures(runs)[0].splitlines()[:3] == [
        "sensors.readings@1: refused 2026-11-02: reports.totals relies on degrees <= 50 (1 of 4 rows break it). "
        "The last good snapshot keeps serving.",
        "Mend the rows. Accepted: release 2.0.0 beside it, or talk to team:reports.",
        "Published: 2026-11-03.",
    ]
    assert sorted({str(row[1]) for row in relied_on.rows("sensors.readings")}) == ["2026-11-01", "2026-11-03"]
    assert checks(relied_on, NAME) == [(NAME, False, "ERROR")]


def test_the_rows_that_broke_an_accepted_expectation_are_kept_with_the_consumers_name(relied_on) -> None:
    accept(relied_on)
    relied_on.export("2026-11-02", 10, 60, -5)

    relied_on.build("2026-11-02")

    (quarantine,) = (relied_on.mesh.home / "home" / "sensors" / "quarantine").rglob("*.parquet")
    rows = relied_on.lake.connect().execute(f"SELECT degrees, broken_rules FROM '{quarantine}' ORDER BY degrees").fetchall()
    assert rows == [(-5, ["degrees__ge"]), (60, [f"{NAME}: degrees__le"])]


def test_an_expectation_that_holds_is_a_passed_check_that_names_the_consumer(relied_on) -> None:
    accept(relied_on)
    relied_on.export("2026-11-02", 10, 50)

    assert failures(relied_on.build("2026-11-02")) == []
    assert checks(relied_on, NAME) == [(NAME, True, "WARN")]
    assert signed(relied_on)[NAME]["text"] == "reports.totals relies on degrees is given, degrees <= 50"


def test_a_rule_that_the_consumer_itself_only_warns_of_stops_nothing(small_mesh) -> None:
    accept(small_mesh)
    rely_on(small_mesh, 'le=dm.rule(50, severity="warn")')
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    small_mesh.export("2026-11-02", 10, 60)

    assert failures(small_mesh.build("2026-11-02")) == []
    assert checks(small_mesh, NAME) == [(NAME, False, "WARN")]


def test_a_removed_column_that_is_relied_on_is_found_before_it_is_published(relied_on) -> None:
    accept(relied_on)
    relied_on.change(READINGS, "degrees: int", "celsius: int")
    forget()
    product = relied_on.mesh.location("sensors").load().products[0].describe()

    (broken,) = broken_by(product, expectations_of(relied_on.lake, ADDRESS, declared=[product]))

    assert broken.message == (
        "sensors.readings removes 'degrees': reports.totals relies on it (Heating plan). "
        "Accepted: release 2.0.0 beside it, or talk to team:reports."
    )


def test_a_promise_that_breaks_an_accepted_expectation_publishes_nothing(small_mesh) -> None:
    rely_on(small_mesh, max_lag="1h")
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    accept(small_mesh)
    small_mesh.export("2026-11-02", 10, 20)

    runs = small_mesh.build("2026-11-02")

    assert failures(runs)[0].splitlines()[:2] == [
        "sensors.readings@1: refused 2026-11-02: sensors.readings promises a max_lag of 24h: reports.totals relies on 1h (Heating plan) "
        "(2 of 2 rows break it). The last good snapshot keeps serving.",
        "Accepted: release 2.0.0 beside it, or talk to team:reports.",
    ]
    assert not list((small_mesh.mesh.home / "home" / "sensors" / "quarantine").rglob("*.parquet"))


def test_a_consumer_that_came_after_the_code_was_loaded_shares_a_check_and_stops_the_rows_all_the_same(small_mesh) -> None:
    from dagmesh.orchestrate.definitions import definitions

    accept(small_mesh)
    rely_on(small_mesh)
    small_mesh.export("2026-11-01", 10, 60)
    forget()
    loaded = definitions(small_mesh.mesh.location("sensors").load())
    publish_totals_of_another_day(small_mesh)

    with dg.DagsterInstance.ephemeral() as instance:
        result = loaded.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            tags={"dagster/asset_partition_range_start": "2026-11-01", "dagster/asset_partition_range_end": "2026-11-01"},
            raise_on_error=False,
        )

    evaluations = {found.check_name: found for found in result.get_asset_check_evaluations()}
    assert not result.success
    assert NAME not in evaluations
    assert not evaluations["expected_by_others"].passed
    assert evaluations["expected_by_others"].description == "reports.totals relies on degrees <= 50"
    with pytest.raises(NotPublished):
        small_mesh.rows("sensors.readings")


def publish_totals_of_another_day(mesh: SmallMesh) -> None:
    """Publish reports.totals without its producer: only what it says of its reads matters here."""
    from datetime import UTC, date, datetime

    from dagmesh.lake.publication import Record

    day, con = date(2026, 10, 31), mesh.lake.connect()
    (totals,) = mesh.mesh.location("reports").load().products
    table = mesh.lake.table(totals.address)
    stage = table.stage(con, f"(SELECT DATE '{day}' AS read_on, 1::BIGINT AS degrees)", totals, [day]).with_row_hashes(con, {})
    table.publish(stage, [day], Record("run-1", datetime.now(UTC), {day: "0" * 16}), mesh.lake.signing_key("reports"))
