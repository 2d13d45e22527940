"""`dagmesh diff` and `retire` on a small real mesh."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner
from tests.small_mesh import READINGS, SmallMesh, forget, small_mesh

from dagmesh.cli import main
from dagmesh.consume.baseline import Consumer, baseline, consumers, published
from dagmesh.consume.comparison import broken_readers
from dagmesh.consume.read_log import ReadLog, ReadRecord
from dagmesh.consume.retirement import evidence
from dagmesh.errors import NotPublished
from dagmesh.model.address import Address
from dagmesh.model.change import Change
from dagmesh.model.lock import write_lock
from dagmesh.model.retirement import removal_refused

__all__ = ["small_mesh"]

FILE = "domains/sensors/sensors/products/readings.py"
TOTALS_FILE = "domains/reports/reports/products/totals.py"
READINGS_1 = Address("sensors", "readings", 1)
NOW = datetime(2027, 7, 1, 12, tzinfo=UTC)
SUNSET = "promise=dm.Promise(min_completeness=0.9),\n    sunset=date({}),"


@pytest.fixture
def mesh(small_mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> SmallMesh:
    """The small mesh with one day published, the working directory in it."""
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")
    monkeypatch.chdir(small_mesh.root)
    return small_mesh


def dagmesh(*arguments: str) -> click.testing.Result:
    """The command's end, the domains' files read anew."""
    forget()
    return CliRunner().invoke(main, arguments)


def sunset_on(mesh: SmallMesh, day: date) -> None:
    """Publish the readings with a sunset."""
    mesh.change(FILE, "promise=dm.Promise(min_completeness=0.9),", SUNSET.format(f"{day.year}, {day.month}, {day.day}"))
    mesh.change(FILE, '"1.0.0"', '"1.1.0"')
    mesh.export("2026-11-02", 30, 40)
    runs = mesh.build("2026-11-02")
    assert all(run.success for run in runs), runs


def forget_reads(mesh: SmallMesh) -> None:
    """The log as it is when nobody read for a long time."""
    for file in (mesh.mesh.home / "reads").glob("*.jsonl"):
        file.unlink()


def test_nothing_changed_needs_nothing(mesh: SmallMesh) -> None:
    said = dagmesh("diff")

    assert said.exit_code == 0
    assert said.stdout == (
        "reports.totals@1 1.0.0 (published) -> 1.0.0: nothing changed\nsensors.readings@1 1.0.0 (published) -> 1.0.0: nothing changed\n"
    )


def test_a_bump_that_is_too_small_is_told_the_least_that_will_do(mesh: SmallMesh) -> None:
    mesh.change(FILE, "degrees: int = dm.field(ge=0", "degrees: int = dm.field(ge=-40")
    mesh.change(FILE, "The sensor's name.", "Name of the sensor.")
    mesh.change(FILE, '"1.0.0"', '"1.0.1"')

    said = dagmesh("diff", "sensors.readings")

    assert said.exit_code == 7
    assert said.stdout == (
        "sensors.readings@1 1.0.0 (published) -> 1.0.1: too low, needs 2.0.0\n"
        "  breaking       loosens the rule degrees >= 0 to degrees >= -40 [read by reports.totals]\n"
        "  documentation  changes the description of column 'sensor'\n"
    )
    assert said.stderr == (
        "sensors.readings 1.0.0 -> 1.0.1 loosens the rule degrees >= 0 to degrees >= -40 (breaking: reports.totals reads it). "
        "Release 2.0.0, or take the change back.\n"
    )


def test_a_bump_that_is_enough_is_fine(mesh: SmallMesh) -> None:
    mesh.change(FILE, 'serves=["reports"]', 'serves=["reports", "finance"]')
    mesh.change(FILE, '"1.0.0"', '"1.1.0"')

    said = dagmesh("diff", "sensors.readings@1")

    assert said.exit_code == 0
    assert said.stdout == "sensors.readings@1 1.0.0 (published) -> 1.1.0: enough, needs 1.1.0\n  additive       serves finance\n"


def test_what_was_never_published_is_new(mesh: SmallMesh) -> None:
    mesh.write("domains/sensors/sensors/products/readings_anew.py", READINGS.replace("def readings", "def peaks"))

    said = dagmesh("diff", "sensors.peaks")

    assert (said.exit_code, said.stdout) == (0, "sensors.peaks@1 1.0.0: new\n")


def test_before_the_first_publication_the_lock_file_is_the_baseline(mesh: SmallMesh) -> None:
    text = READINGS.replace("def readings", "def peaks")
    mesh.write("domains/sensors/sensors/products/peaks.py", text)
    forget()
    (peaks,) = [product for product in mesh.mesh.location("sensors").load().products if product.name == "peaks"]
    write_lock(mesh.mesh.location("sensors").folder, peaks.describe())
    mesh.write("domains/sensors/sensors/products/peaks.py", text.replace("ge=0, ", "ge=1, "))

    said = dagmesh("diff", "sensors.peaks")

    assert said.exit_code == 7
    assert said.stdout == (
        "sensors.peaks@1 1.0.0 (locked) -> 1.0.0: too low, needs 1.1.0\n  additive       tightens the rule degrees >= 0 to degrees >= 1\n"
    )


def test_what_is_published_counts_more_than_what_is_locked(mesh: SmallMesh) -> None:
    forget()
    (readings,) = mesh.mesh.location("sensors").load().products
    write_lock(mesh.mesh.location("sensors").folder, {**readings.describe(), "serves": []})

    assert "1.0.0 (published) -> 1.0.0: nothing changed" in dagmesh("diff", "sensors.readings").stdout


def test_a_new_major_is_held_against_the_one_before(mesh: SmallMesh) -> None:
    mesh.write("domains/sensors/sensors/products/readings_anew.py", READINGS.replace('"1.0.0"', '"2.0.0"').replace("ge=0, ", ""))

    said = dagmesh("diff", "sensors.readings@2")

    assert said.exit_code == 0
    assert said.stdout == (
        "sensors.readings@2 1.0.0 (published major) -> 2.0.0: enough, needs 2.0.0\n  breaking       loosens: drops the rule degrees >= 0\n"
    )


def test_json_says_all_of_it(mesh: SmallMesh) -> None:
    mesh.change(FILE, 'serves=["reports"]', "serves=[]")

    said = dagmesh("diff", "sensors.readings", "--json")

    assert said.exit_code == 7
    assert json.loads(said.stdout) == [
        {
            "address": "sensors.readings@1",
            "baseline": "published",
            "before": "1.0.0",
            "after": "1.0.0",
            "needed": "2.0.0",
            "enough": False,
            "message": "sensors.readings 1.0.0 -> 1.0.0 no longer serves reports (breaking: reports.totals reads it). "
            "Release 2.0.0, or take the change back.",
            "changes": [
                {
                    "effect": "breaking",
                    "place": "serves",
                    "words": "no longer serves reports",
                    "before": ["reports"],
                    "after": [],
                    "column": None,
                    "readers": ["reports.totals"],
                }
            ],
        }
    ]


def test_markdown_is_a_table_for_a_pull_request(mesh: SmallMesh) -> None:
    mesh.change(FILE, "ge=0, ", "")

    said = dagmesh("diff", "--markdown")

    assert said.stdout == (
        "| product | version | needs | effect | change | read by |\n"
        "|---|---|---|---|---|---|\n"
        "| sensors.readings@1 | 1.0.0 → 1.0.0 | **2.0.0** | breaking | loosens: drops the rule degrees \\>= 0 | reports.totals |\n"
        "\n"
        "1 of 2 contracts are as they were.\n"
    )


def test_a_version_that_goes_back_is_seen(mesh: SmallMesh) -> None:
    mesh.change(FILE, '"1.0.0"', '"1.4.0"')
    mesh.export("2026-11-02", 30, 40)
    mesh.build("2026-11-02")
    mesh.change(FILE, '"1.4.0"', '"1.3.9"')

    said = dagmesh("diff", "--markdown")

    assert said.exit_code == 7
    assert "| sensors.readings@1 | 1.4.0 → 1.3.9 | **1.4.0** | version | goes back |  |\n" in said.stdout


def test_no_such_product_is_told_the_nearest(mesh: SmallMesh) -> None:
    said = dagmesh("diff", "sensors.reading")

    assert said.exit_code == 2
    assert said.stderr == (
        "sensors.reading is no product in the code of this mesh. Did you mean 'sensors.readings'? See what is: dagmesh list\n"
    )


def test_a_domain_stands_for_its_products(mesh: SmallMesh) -> None:
    assert dagmesh("diff", "reports").stdout == "reports.totals@1 1.0.0 (published) -> 1.0.0: nothing changed\n"
    assert dagmesh("diff", "report").exit_code == 2


def test_two_forms_at_once_are_refused(mesh: SmallMesh) -> None:
    said = dagmesh("diff", "--json", "--markdown")

    assert said.exit_code == 2
    assert "--json and --markdown are two forms of one answer; choose one." in said.stderr


def test_a_domain_that_does_not_load_is_not_passed_over(mesh: SmallMesh) -> None:
    mesh.change(TOTALS_FILE, "serves=[]", 'serves="finance"')

    assert dagmesh("diff").exit_code == 2
    assert dagmesh("diff", "sensors.readings").exit_code == 0


def test_the_baseline_is_the_newest_publication_that_is_trusted(mesh: SmallMesh) -> None:
    newest = Path(mesh.lake.table(READINGS_1).place.storage.root) / "_delta_log" / f"{0:020}.json"
    mesh.change(FILE, 'serves=["reports"]', 'serves=["reports", "finance"]')
    mesh.export("2026-11-02", 30, 40)
    mesh.build("2026-11-02")
    forged = newest.with_name(f"{1:020}.json")
    forged.write_text(forged.read_text().replace("finance", "marketin"))

    product = published(mesh.lake, READINGS_1)

    assert product is not None
    assert product["serves"] == ["reports"]


def test_consumers_are_the_published_products_that_read_it(mesh: SmallMesh) -> None:
    (consumer,) = consumers(mesh.lake, READINGS_1)

    assert (str(consumer.address), consumer.owner, consumer.columns) == ("reports.totals@1", "team:reports", None)
    assert consumers(mesh.lake, Address("sensors", "readings", 2)) == []


def test_a_consumer_says_the_columns_it_relies_on(mesh: SmallMesh) -> None:
    column = '    degrees: int = dm.field(unit="degrees", description="Temperature.")'
    relied = f'class Relied(dm.Contract):\n    """One row per day."""\n\n{column}\n'
    mesh.change(TOTALS_FILE, "@dm.data_product(", f"{relied}\n\n@dm.data_product(")
    mesh.change(TOTALS_FILE, '"sensors.readings@1"', 'dm.read("sensors.readings@1", expects=Relied)')
    assert all(run.success for run in mesh.build("2026-11-01"))

    (consumer,) = consumers(mesh.lake, READINGS_1)

    assert consumer.columns == {"degrees"}
    assert broken_readers([Change("breaking", "column 'sensor'", "", column="sensor")], [consumer]) == []
    assert broken_readers([Change("breaking", "column 'degrees'", "", column="degrees")], [consumer]) == ["reports.totals"]
    assert broken_readers([Change("breaking", "grain", "")], [consumer]) == ["reports.totals"]
    assert broken_readers([Change("additive", "column 'degrees'", "", column="degrees")], [consumer]) == []


def test_a_product_of_the_same_domain_reads_by_name(mesh: SmallMesh) -> None:
    text = READINGS.replace("def readings", "def peaks").replace("events: duckdb", "readings: duckdb")
    text = text.replace("SELECT sensor, day AS read_on, avg(degrees)::BIGINT AS degrees FROM events GROUP BY ALL", "FROM readings")
    mesh.write("domains/sensors/sensors/products/peaks.py", text.replace("events=events", "readings=readings"))
    assert all(run.success for run in mesh.build("2026-11-01"))

    assert [str(consumer.address) for consumer in consumers(mesh.lake, READINGS_1)] == ["reports.totals@1", "sensors.peaks@1"]


def test_whom_a_product_serves_no_longer_is_who_is_hurt() -> None:
    change = Change("breaking", "serves", "no longer serves risk", ["marketing", "risk"], ["marketing"])
    served = [Consumer(Address(domain, "things", 1), "team:x", None, NOW) for domain in ("marketing", "risk")]

    assert broken_readers([change], served) == ["risk.things"]


def test_a_new_product_has_no_baseline(mesh: SmallMesh, tmp_path: Path) -> None:
    assert baseline(mesh.lake, Address("sensors", "peaks", 1), tmp_path) is None


READ = {"marketing": datetime(2027, 6, 30, 8, tzinfo=UTC), "risk": datetime(2027, 6, 2, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("sunset", "readers", "said"),
    [
        (
            None,
            {},
            "orders.patterns@1 may not be removed: it has no sunset. Publish it once more with sunset=date(...), the day by "
            "which its readers are to be gone.",
        ),
        ("2027-07-11", {}, "orders.patterns@1 may not be removed before its sunset 2027-07-11 (10 days left). Keep its file until then."),
        ("2027-07-02", {}, "orders.patterns@1 may not be removed before its sunset 2027-07-02 (1 day left). Keep its file until then."),
        (
            "2027-06-30",
            READ,
            "orders.patterns@1 may not be removed: its sunset was 2027-06-30, and in the last 30 days it was read by "
            "marketing (last on 2027-06-30), risk (last on 2027-06-02). Ask them to read orders.patterns@2, then look again: "
            "dagmesh retire orders.patterns@1",
        ),
        ("2027-07-01", {}, None),
        ("2027-06-30", {}, None),
    ],
)
def test_why_a_major_may_not_be_removed(sunset: str | None, readers: dict[str, datetime], said: str | None) -> None:
    product = {"domain": "orders", "name": "patterns", "version": "1.4.0", "sunset": sunset}

    assert removal_refused(product, readers, NOW.date()) == said


def test_retire_shows_who_reads_and_refuses(mesh: SmallMesh) -> None:
    forget_reads(mesh)
    mesh.rows("sensors.readings@1", reader="reports")

    said = dagmesh("retire", "sensors.readings@1", "--json")

    found = json.loads(said.stdout)
    assert said.exit_code == 7
    assert [(reader["name"], reader["times"]) for reader in found["readers"]] == [("reports", 1)]
    assert [consumer["address"] for consumer in found["consumers"]] == ["reports.totals@1"]
    assert (found["sunset"], found["days_left"]) == (None, None)
    assert found["refused"].startswith("sensors.readings@1 may not be removed: it has no sunset.")


def test_retire_prints_the_evidence(mesh: SmallMesh) -> None:
    forget_reads(mesh)
    sunset_on(mesh, date(9999, 6, 30))

    said = dagmesh("retire", "sensors.readings@1")

    assert said.exit_code == 7
    first, _, head, row, *_ = said.stdout.splitlines()
    assert first.startswith("sensors.readings@1 (version 1.1.0), sunset: 9999-06-30, ")
    assert head.split("  ")[0] == "read in the last 30 days by"
    assert row.startswith("reports")
    assert said.stdout.splitlines()[-1].startswith("sensors.readings@1 may not be removed before its sunset 9999-06-30 (")


def test_after_its_sunset_a_major_goes_once_nobody_reads_it(mesh: SmallMesh) -> None:
    sunset_on(mesh, date(9998, 6, 30))
    newest = mesh.lake.table(Address("reports", "totals", 1)).snapshot().publication.published_at
    long_after = datetime(9998, 6, 30, tzinfo=UTC)
    by_log = max(
        datetime.fromisoformat(read["at"]) for read in ReadLog(mesh.mesh.home).reads("sensors.readings@1", datetime(2026, 1, 1, tzinfo=UTC))
    )

    assert evidence(mesh.lake, READINGS_1, long_after).refused is None
    record = ReadRecord(long_after - timedelta(days=1), "risk", READINGS_1.at_snapshot(1))
    ReadLog(mesh.mesh.home).record(record)
    ReadLog(mesh.mesh.home).record(ReadRecord(long_after, "finance", READINGS_1, decision="refused"))
    refused = evidence(mesh.lake, READINGS_1, long_after)
    assert refused.refused is not None
    assert [reader.name for reader in refused.readers] == ["risk"]
    assert evidence(mesh.lake, READINGS_1, long_after + timedelta(days=31)).refused is None
    assert max(newest, by_log) < long_after


def test_a_publication_of_another_machine_is_evidence_too(mesh: SmallMesh) -> None:
    forget_reads(mesh)
    moment = mesh.lake.table(Address("reports", "totals", 1)).snapshot().publication.published_at

    found = evidence(mesh.lake, READINGS_1, moment + timedelta(days=1))

    assert [(reader.name, reader.times) for reader in found.readers] == [("reports.totals@1", None)]
    assert evidence(mesh.lake, READINGS_1, moment + timedelta(days=31)).readers == ()


def test_what_was_never_published_cannot_be_retired(mesh: SmallMesh) -> None:
    with pytest.raises(NotPublished) as error:
        evidence(mesh.lake, Address("sensors", "peaks", 1), NOW)

    assert str(error.value) == "sensors.peaks@1 has no publication that verifies; there is nothing to retire. See what is: dagmesh list"


def test_retire_needs_a_major(mesh: SmallMesh) -> None:
    said = dagmesh("retire", "sensors.readings")

    assert said.exit_code == 2
    assert "'sensors.readings' names no major; write sensors.readings@1. See what is: dagmesh list" in said.stderr
