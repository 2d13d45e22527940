"""What bad input gets: nothing bad is ever visible, good days are published, and the message says what to do."""

import pytest

from dagmesh.errors import AccessRefused, NotPublished
from dagmesh.model.address import Address

READINGS = Address("sensors", "readings", 1)


def failed(runs):
    return [run for run in runs if not run.success]


def test_a_build_publishes_every_domain_in_order(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)

    runs = small_mesh.build("2026-11-01")

    assert [(run.domain, run.success, run.messages) for run in runs] == [("sensors", True, ()), ("reports", True, ())]
    assert [row[1] for row in small_mesh.rows("reports.totals")] == [30]


def test_a_second_build_finds_nothing_to_do(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")

    assert small_mesh.build("2026-11-01") == []


def test_bad_rows_are_never_visible_and_stop_only_their_day(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.export("2026-11-02", 10, -5)
    small_mesh.export("2026-11-03", 1, 2)

    runs = small_mesh.build("2026-11-01", "2026-11-02", "2026-11-03")

    (bad,) = failed(runs)
    assert bad.domain == "sensors"
    assert bad.messages[0].splitlines()[:2] == [
        "sensors.readings@1: refused 2026-11-02: degrees >= 0 (1 of 6 rows break it). The last good snapshot keeps serving.",
        "Published: 2026-11-01, 2026-11-03.",
    ]
    assert [(str(day), degrees) for day, degrees in small_mesh.rows("reports.totals")] == [("2026-11-01", 30), ("2026-11-03", 3)]


def test_the_refused_rows_are_kept_with_the_rules_they_broke(small_mesh):
    small_mesh.export("2026-11-02", 10, -5)

    small_mesh.build("2026-11-02")

    (quarantine,) = (small_mesh.mesh.home / "home" / "sensors" / "quarantine").rglob("*.parquet")
    rows = small_mesh.lake.connect().execute(f"SELECT sensor, degrees, broken_rules FROM '{quarantine}'").fetchall()
    assert rows == [("s1", -5, ["degrees__ge"])]


def test_a_refused_day_leaves_the_last_good_snapshot_to_everyone(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")

    small_mesh.export("2026-11-01", 10, -20)
    small_mesh.build("2026-11-01")

    assert [row[2] for row in small_mesh.rows("sensors.readings")] == [10, 20]


def test_a_mended_day_is_published_and_reaches_its_consumer(small_mesh):
    small_mesh.export("2026-11-01", 10, -20)
    small_mesh.build("2026-11-01")

    small_mesh.export("2026-11-01", 10, 20)
    runs = small_mesh.build("2026-11-01")

    assert failed(runs) == []
    assert [row[1] for row in small_mesh.rows("reports.totals")] == [30]


def test_a_day_that_was_refused_as_incomplete_is_made_once_it_is_said_to_be_whole(small_mesh):
    small_mesh.export("2026-11-01", 10, 20, announced=10)
    small_mesh.build("2026-11-01")

    small_mesh.export("2026-11-01", 10, 20)  # the same rows
    runs = small_mesh.build("2026-11-01")

    assert failed(runs) == []
    assert [row[1] for row in small_mesh.rows("reports.totals")] == [30]


def test_a_day_whose_export_is_incomplete_is_refused(small_mesh):
    small_mesh.export("2026-11-01", 10, 20, announced=10)

    (run,) = small_mesh.build("2026-11-01")

    assert "at least 90.00% complete" in run.messages[0]
    with pytest.raises(NotPublished):
        small_mesh.rows("sensors.readings")


def test_broken_lines_are_set_aside_and_the_rest_goes_in(small_mesh):
    small_mesh.export("2026-11-01", 10, 20, broken=1)

    runs = small_mesh.build("2026-11-01")

    assert failed(runs) == []
    (letters,) = (small_mesh.mesh.home / "home" / "sensors" / "dead_letters").glob("*.parquet")
    assert small_mesh.lake.connect().execute(f"SELECT line, reason FROM '{letters}'").fetchall() == [("{", "not JSON")]


def test_a_consumer_waits_for_the_day_and_says_for_what(small_mesh):
    from datetime import date

    from dagmesh.model.address import Address
    from dagmesh.orchestrate.build import run_product

    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")

    (run,) = run_product(small_mesh.mesh, Address.parse("reports.totals"), date(2026, 11, 2), lambda step: None)

    assert not run.success
    assert run.messages == ("reports.totals@1 2026-11-02 waits for sensors.readings@1#0 2026-11-02.",)


def test_a_broken_domain_breaks_alone(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.write("domains/reports/reports/products/totals.py", "import no_such_module\n")

    runs = small_mesh.build("2026-11-01")

    (broken,) = failed(runs)
    assert broken.domain == "reports"
    assert "No module named 'no_such_module'" in broken.messages[0]
    assert len(small_mesh.rows("sensors.readings")) == 2


def test_rows_without_the_contracts_columns_say_which_cast_to_write(small_mesh):
    text = (small_mesh.root / "domains/sensors/sensors/products/readings.py").read_text()
    small_mesh.write("domains/sensors/sensors/products/readings.py", text.replace("avg(degrees)::BIGINT", "avg(degrees)"))
    small_mesh.export("2026-11-01", 10, 20)

    (run,) = small_mesh.build("2026-11-01")

    assert "column 'degrees'" in run.messages[0]
    assert "DOUBLE" in run.messages[0]


def test_a_reader_who_is_not_served_is_told_whom_to_ask(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.build("2026-11-01")

    with pytest.raises(AccessRefused) as refusal:
        small_mesh.rows("sensors.readings", reader="finance")

    assert str(refusal.value) == (
        "finance may not read sensors.readings@1 (serves reports). "
        'Ask team:sensors: dagmesh grant request sensors.readings@1 --as finance --purpose "..."'
    )


def test_a_rerun_replaces_exactly_its_day(small_mesh):
    small_mesh.export("2026-11-01", 10, 20)
    small_mesh.export("2026-11-02", 1, 2)
    small_mesh.build("2026-11-01", "2026-11-02")
    before = small_mesh.lake.table(READINGS).snapshot().days

    small_mesh.export("2026-11-02", 3, 4)
    small_mesh.build("2026-11-01", "2026-11-02")

    after = small_mesh.lake.table(READINGS).snapshot().days
    assert [day for day in after if after[day] != before[day]] == [max(after)]
    assert [row[1] for row in small_mesh.rows("reports.totals")] == [30, 7]
