"""What the read log says of queries: before the first byte, after the last, and of what was refused."""

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from tests.consume.service.conftest import ARROW, Served

from dagmesh.consume.read_log import ReadLog


def lines(served: Served, sql: str, ended: bool = True) -> list[dict[str, Any]]:
    """The log's lines of one statement, once its end is there."""
    statement, until = hashlib.sha256(sql.encode()).hexdigest(), time.monotonic() + 20
    while True:
        asked = [line for line in served.log if line.get("statement") == statement]
        ends = [line for line in served.log if line.get("completes") in {line["query"] for line in asked}]
        if ends or not ended:
            return [*asked, *ends]
        assert time.monotonic() < until, "its end was never recorded"
        threading.Event().wait(0.02)


def test_a_read_is_recorded_with_its_end(served: Served) -> None:
    sql = "select a.order_id from orders.orders a, customers.profiles b where a.order_id > -1"
    response = served.query(sql, ARROW, reader="analyst", purpose="count")
    content = response.read()

    *reads, end = lines(served, sql)

    assert [(read["address"], read["principal"], read["via"], read["purpose"]) for read in reads] == [
        ("customers.profiles@1#0", "analyst@example.org", "http", "count"),
        ("orders.orders@1#0", "analyst@example.org", "http", "count"),
    ]
    assert {read["query"] for read in reads} == {end["completes"]} == {response.headers["dagmesh-query"]}
    assert (end["rows"], end["size_bytes"], end["outcome"]) == (8, len(content), "complete")
    assert end["milliseconds"] > 0


@pytest.mark.parametrize(
    ("sql", "outcome"),
    [
        ("select nope from orders.orders", "failed"),
        ("select length(repeat('x', 4000000000)) from orders.orders", "limit"),
    ],
)
def test_a_statement_that_fails_after_its_reads_ends_so(served: Served, sql: str, outcome: str) -> None:
    served.problem(sql)

    read, end = lines(served, sql)

    assert (read["decision"], end["outcome"], end["rows"]) == ("allowed", outcome, 0)


@pytest.mark.parametrize(
    "sql", ["drop table secrets", "select * from read_csv('/etc/passwd')", "select * from nothing.at_all", "selec", "select * from files"]
)
def test_a_statement_that_comes_to_no_product_is_recorded_with_why(served: Served, sql: str) -> None:
    problem = served.problem(sql)

    (line,) = lines(served, sql, ended=False)

    assert (line["decision"], line["why"], line["principal"], line["reader"]) == (
        "refused",
        problem["detail"],
        "finance@example.org",
        "finance",
    )
    assert "address" not in line


def test_a_refused_read_is_recorded_once(served: Served) -> None:
    sql = "select email from customers.profiles where email is not null"
    served.problem(sql)

    (line,) = lines(served, sql, ended=False)

    assert (line["decision"], line["address"]) == ("refused", "customers.profiles@1")


def test_reads_of_a_product_are_told_from_ends_and_refused_statements(served: Served) -> None:
    served.problem("drop table secrets")
    served.rows("select count(*) from orders.orders")
    since = min(line["at"] for line in served.log)

    found = list(ReadLog(served.mesh.home).reads("orders.orders", datetime.fromisoformat(since)))

    assert found
    assert all(line["address"].startswith("orders.orders@1") for line in found)


def test_a_read_that_cannot_be_recorded_is_no_read(own: Callable[..., Any]) -> None:
    with own() as served:
        folder = served.mesh.home / "reads"
        kept = folder.rename(folder.with_name("kept"))
        folder.write_text("no folder")
        try:
            problem = served.problem("select * from orders.orders")
        finally:
            folder.unlink()
            kept.rename(folder)

        assert problem["status"] == 500
        assert "cannot be recorded" in problem["detail"]
        assert served.rows("select count(*) from orders.orders") == [[4]]
