"""A receipt: asked again it gives the same rows, and what was changed is refused."""

import json

import pytest

from dagmesh.consume.agents.answers import MOST_CHARACTERS
from dagmesh.consume.agents.verification import verified
from dagmesh.errors import AccessRefused, ReceiptRefused

PURPOSE = "a report of the week"


@pytest.fixture
def answer(agent):
    return agent.call("query", sql="SELECT sensor, avg(degrees) AS mean FROM sensors.readings GROUP BY ALL", purpose=PURPOSE)


def text(answer, **changed):
    return json.dumps({**answer["receipt"], **changed})


def test_a_receipt_holds(agent, answer):
    found = verified(agent.mesh.mesh, json.dumps(answer))

    assert (found.rows, found.products) == (3, ("sensors.readings@1.0.0#0",))
    assert found == verified(agent.mesh.mesh, text(answer))


def test_a_receipt_holds_after_newer_snapshots(agent, answer):
    agent.mesh.export("2026-11-17", 500, 600)
    agent.mesh.build("2026-11-16", "2026-11-17")

    assert verified(agent.mesh.mesh, text(answer)).rows == 3


def test_a_cut_answer_is_verified_to_its_last_row(agent):
    cut = agent.call("query", sql="SELECT * FROM sensors.readings", purpose=PURPOSE, rows=2)

    assert verified(agent.mesh.mesh, text(cut)).rows == 2


def test_a_changed_receipt_is_refused(agent, answer):
    for changed in ({"principal": "token:other"}, {"products": []}, {"asked": {**answer["receipt"]["asked"], "rows": 2}}, {"code": ""}):
        with pytest.raises(ReceiptRefused, match="was not given by this mesh, or was changed since"):
            verified(agent.mesh.mesh, text(answer, **changed))


def test_changed_rows_beside_a_true_receipt_are_refused(agent, answer):
    for changed in ({"rows": [["s0", 99.0]]}, {"columns": ["sensor", "median"]}, {"rows": None}):
        forged = {**answer, "untrusted": {**answer["untrusted"], **changed}}
        with pytest.raises(ReceiptRefused, match="holds, but the rows beside it are not those that it was given for"):
            verified(agent.mesh.mesh, json.dumps(forged))


def test_texts_that_an_answer_cuts_are_compared_as_it_shows_them(agent):
    sql = f"SELECT repeat(sensor, {MOST_CHARACTERS}) AS long FROM sensors.readings"
    cut = agent.call("query", sql=sql, purpose=PURPOSE)

    assert cut["untrusted"]["cut_cells"]
    assert verified(agent.mesh.mesh, json.dumps(cut)).rows == 5


def test_a_verification_is_a_read_with_an_end_that_shows_nobody_rows(agent, answer):
    verified(agent.mesh.mesh, json.dumps(answer))

    log = agent.mesh.mesh.home / "reads"
    read, end = [json.loads(line) for file in sorted(log.glob("*.jsonl")) for line in file.read_text().splitlines()][-2:]
    assert (read["via"], read["purpose"]) == ("cli", f"verification of receipt {answer['receipt']['id']}")
    assert (end["completes"], end["rows"], end["outcome"]) == (read["query"], 0, "complete")


def test_what_is_no_receipt_is_refused(agent):
    for nonsense in ("", "[]", "{}", "null", '{"receipt": 1}', '{"receipt": {"id": 1}}'):
        with pytest.raises(ReceiptRefused, match=r"no receipt|no JSON"):
            verified(agent.mesh.mesh, nonsense)


def test_a_receipt_without_a_statement_says_so(agent):
    described = agent.call("describe", product="sensors.readings")

    with pytest.raises(ReceiptRefused, match="has no statement to ask again"):
        verified(agent.mesh.mesh, json.dumps(described))


def test_a_statement_that_asks_the_clock_is_not_believed_to_repeat(agent):
    told = agent.call("query", sql="SELECT now() AS moment FROM sensors.readings LIMIT 1", purpose=PURPOSE)

    assert not told["receipt"]["asked"]["repeatable"]
    with pytest.raises(ReceiptRefused, match="the statement asks the clock or chance"):
        verified(agent.mesh.mesh, text(told))


def test_who_may_not_read_any_more_cannot_verify(agent):
    said = {"consumer": "sensors", "product": "totals", "majors": [1], "classes": ["internal"], "purpose": PURPOSE}
    said |= {"expires": "2099-12-31", "status": "approved", "approver": "team:reports", "columns": ["degrees"]}
    agent.mesh.write("domains/reports/grants/sensors.totals.yaml", json.dumps(said))
    answer = agent.as_(reader="sensors").call("sample", product="reports.totals")
    verified(agent.mesh.mesh, json.dumps(answer))

    (agent.mesh.root / "domains/reports/grants/sensors.totals.yaml").unlink()

    with pytest.raises(AccessRefused):
        verified(agent.mesh.mesh, json.dumps(answer))
