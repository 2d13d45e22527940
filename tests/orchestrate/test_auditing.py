"""What was audited before: the same files under the same contract are not read again, and nothing but a signed publication says so."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.orchestrate.graph import DAYS, EVENTS, FILES, READINGS, Graph

from dagmesh.audit.known import JUDGED_BY
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.address import Address
from dagmesh.orchestrate.publishing import Outcome, Run, publish

D1, D2, D3, *_ = DAYS
SCANNED = "starts_with(message, 'SELECT') AND contains(message, '/_stage/') AND NOT contains(message, 'LIMIT')"


@pytest.fixture
def plain(graph: Graph) -> Graph:
    """Readings that are the events' rows in their order, so that the same rows make the same bytes."""
    graph.mesh.change(FILES["readings"], "avg(degrees)::BIGINT AS degrees FROM events GROUP BY ALL", "degrees FROM events")
    for day, degrees in ((D1, (11, 21)), (D2, (12, 22))):
        graph.export(day, *degrees)
    return graph


def made(graph: Graph, *days: date) -> tuple[Outcome, list[str]]:
    """What a run for the days came to, and the statements that read what it staged, but for the few rows it shows."""
    graph.make(EVENTS, *days)
    node, con = graph.nodes[READINGS], graph.mesh.lake.connect()
    con.execute("CALL enable_logging('QueryLog')")
    outcome = publish(Run(node.ports, con, "run-1", datetime.now(UTC)), node.product, days)
    con.execute("CALL disable_logging()")
    return outcome, [message for (message,) in con.execute(f"SELECT message FROM duckdb_logs WHERE {SCANNED}").fetchall()]


def published(outcome: Outcome) -> Snapshot:
    assert outcome.snapshot is not None
    return outcome.snapshot


def test_rows_are_read_once_and_the_same_files_never_again(plain: Graph) -> None:
    first, scans = made(plain, D1, D2)
    again, none = made(plain, D1, D2)

    assert (len(scans), none) == (1, [])
    one, two = published(first), published(again)
    assert two.publication.checks == one.publication.checks
    assert two.publication.profile == one.publication.profile != {}
    assert two.day_digests == one.day_digests


def test_what_is_remembered_is_remembered_of_a_run_that_remembered(plain: Graph) -> None:
    runs = [made(plain, D1) for _ in range(3)]

    assert [len(scans) for _, scans in runs] == [1, 0, 0]
    assert [published(outcome).publication.audited for outcome, _ in runs] == [{"2026-11-01": {"incomplete": 0, "failing": {}}}] * 3


def test_only_days_with_other_rows_are_read(plain: Graph) -> None:
    made(plain, D1, D2)
    plain.export(D2, 12, 23)

    outcome, (scan,) = made(plain, D1, D2)

    assert f"read_on={D2}" in scan
    assert f"read_on={D1}" not in scan
    assert outcome.published == (D1, D2)
    assert outcome.report is not None
    assert outcome.report.rows == 4


def test_a_day_that_breaks_a_rule_is_refused_beside_one_that_is_remembered(plain: Graph) -> None:
    made(plain, D1, D2)
    plain.export(D2, 12, -1)

    outcome, _ = made(plain, D1, D2)

    assert (outcome.published, outcome.refused) == ((D1,), (D2,))
    assert outcome.report is not None
    assert [len(result.samples) for result in outcome.report.failed if result.severity == "error"] == [1]


def test_another_contract_is_judged_anew(plain: Graph) -> None:
    made(plain, D1)
    plain.mesh.change(FILES["readings"], "ge=0, ", "ge=0, le=20, ")

    outcome, scans = made(plain, D1)

    assert (len(scans), outcome.refused) == (1, (D1,))


def test_another_audit_judges_anew(plain: Graph) -> None:
    made(plain, D1)
    node, con = plain.nodes[READINGS], plain.mesh.lake.connect()
    table = plain.mesh.lake.table(Address.parse("sensors.readings@1"))
    stage = table.stage(con, f"FROM {table.snapshot().sql()}".join("()"), node.product, [D1]).with_contents()

    assert list(table.remembered(stage, JUDGED_BY)) == [D1]
    assert table.remembered(stage, "the audit of another release") == {}


def test_a_publication_that_nobody_signed_says_nothing(plain: Graph) -> None:
    outcome, _ = made(plain, D1)
    made(plain, D2)
    commit = Path(published(outcome).place.storage.root) / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in commit.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["dagmesh.publication"] = line["commitInfo"]["dagmesh.publication"].replace('"run-1"', '"run-2"')
    commit.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    _, scans = made(plain, D1)

    assert len(scans) == 1


def test_a_python_rule_may_find_otherwise_today_and_is_judged_again(plain: Graph, tmp_path: Path) -> None:
    limit = tmp_path / "limit"
    limit.write_text("100")
    check = f"""
    @dm.check("degrees", description="usual", row_wise=True)
    def is_usual(cls, degrees):
        return degrees <= int(__import__('pathlib').Path({str(limit)!r}).read_text())
"""
    plain.mesh.change(FILES["readings"], "\n\n\n@dm.data_product", f"\n{check}\n\n@dm.data_product")
    first, _ = made(plain, D1, D2)
    limit.write_text("21")

    again, scans = made(plain, D1, D2)

    assert first.published == (D1, D2)
    assert (again.published, again.refused) == ((D1,), (D2,))
    assert not any("count(*)" in scan for scan in scans)


def test_a_day_with_a_warning_is_read_again_so_that_its_rows_are_shown(plain: Graph) -> None:
    plain.mesh.change(FILES["readings"], "ge=0, ", 'ge=0, le=dm.rule(20, severity="warn"), ')
    runs = [made(plain, D1) for _ in range(2)]

    assert [len(scans) for _, scans in runs] == [1, 1]
    reports = [outcome.report for outcome, _ in runs]
    assert [[len(result.samples) for result in report.failed] for report in reports if report] == [[1], [1]]
