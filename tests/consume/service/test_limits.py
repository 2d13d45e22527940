"""What a statement, a client or a killer may do: it costs that statement, and nobody else's."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pyarrow as pa
import pytest
from tests.consume.service.conftest import ARROW, Served

LONG = "select count(*) from range(1000000000000) t(i) where (i * 7) % 11 = 3"
ENDLESS = "select i, md5(i::varchar) as m from range(2000000000) t(i)"
SOON = 20.0


def until(true: Callable[[], Any]) -> Any:
    """What a condition gives once it holds."""
    end = time.monotonic() + SOON
    while not (found := true()):
        assert time.monotonic() < end, "it never became true"
        threading.Event().wait(0.02)
    return found


def ends(served: Served) -> list[str]:
    return [line["outcome"] for line in served.log if "completes" in line]


def busy(served: Served) -> int:
    return served.inside(lambda: len(served.app.state.queries.pool.workers) - served.app.state.queries.pool._idle.qsize())


def raw_query(served: Served, sql: str) -> socket.socket:
    """A socket that has asked and not read."""
    client = socket.create_connection(("127.0.0.1", served.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = json.dumps({"sql": sql}).encode()
    head = f"POST /v1/query HTTP/1.1\r\nhost: x\r\nreader: finance\r\naccept: {ARROW}\r\ncontent-type: application/json\r\n"
    client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    return client


@pytest.mark.parametrize(
    "bomb",
    [
        "select length(repeat('x', 4000000000))",
        "select length(lpad('x', 2000000000, 'y')) from range(4)",
        "select printf('%2000000000d', 1)",
        "select len(range(3000000000))",
        "select len(list(i)) from range(300000000) t(i)",
        "select length(string_agg(repeat('x', 1000000), '')) from range(20000)",
        "select count(*) from (select md5(i::varchar) m, count(*) from range(60000000) t(i) group by 1)",
    ],
)
def test_a_bomb_meets_its_limit_and_the_next_statement_runs(served: Served, bomb: str) -> None:
    problem = served.problem(bomb)

    assert problem["status"] == 422
    assert problem["limit"] in ("memory", "time")
    assert served.rows("select 1 + 1") == [[2]]


def test_a_long_statement_is_ended_in_time(own: Callable[..., Any]) -> None:
    with own(seconds=0.5) as served:
        problem = served.problem(LONG)

        assert (problem["status"], problem["limit"]) == (422, "time")
        assert problem["detail"].startswith("The statement worked for 0.5 s, the most it may.")
        assert served.rows("select 1") == [[1]]


def test_more_rows_than_the_service_gives_are_a_refusal(own: Callable[..., Any]) -> None:
    with own(rows=1000) as served:
        problem = served.problem("select * from range(1001)")

        assert problem["detail"] == "The statement met a limit: the answer has more than 1,000 rows."
        assert len(served.rows("select * from range(1000)")) == 1000


def test_max_rows_cuts_an_answer(served: Served) -> None:
    assert served.rows("select * from range(50000)", max_rows=3) == [[0], [1], [2]]
    assert served.rows("select * from range(5)", max_rows=0) == []


def test_a_request_has_a_length(own: Callable[..., Any]) -> None:
    with own(body_bytes=1000, statement_length=100) as served:
        long = served.problem(f"select '{'x' * 100}'")
        longer = served.problem(f"select '{'x' * 1000}'")

        assert (long["status"], long["limit"]) == (422, "length")
        assert (longer["status"], longer["title"]) == (413, "The request is too long")


def test_a_full_pool_says_when_to_come_back(own: Callable[..., Any]) -> None:
    with own(wait_seconds=0.3, seconds=30) as served:
        client = raw_query(served, LONG)
        until(lambda: busy(served) == 1)

        response = served.query("select 1")
        problem = json.loads(response.read())
        client.close()

        assert (response.status, response.headers["retry-after"]) == (503, "1")
        assert problem["type"] == "urn:dagmesh:error:ServiceBusy"
        assert until(lambda: served.rows("select 1") == [[1]])


def test_a_client_that_goes_away_before_its_answer_frees_its_worker(own: Callable[..., Any]) -> None:
    with own(wait_seconds=SOON, seconds=1000) as served:
        client = raw_query(served, LONG)
        until(lambda: busy(served) == 1)

        client.close()

        assert served.rows("select 2") == [[2]]


def test_a_client_that_goes_away_within_its_answer_frees_its_worker(own: Callable[..., Any]) -> None:
    sql = "select a.order_id, md5(i::varchar) as m from orders.orders a, range(1000000000) t(i)"
    with own(wait_seconds=SOON, seconds=1000) as served:
        before = len(ends(served))
        client = raw_query(served, sql)
        assert client.recv(100).startswith(b"HTTP/1.1 200")

        client.close()

        assert served.rows("select 2") == [[2]]
        assert until(lambda: ends(served)[before:]) == ["abandoned"]


def test_a_slow_client_holds_no_memory_and_no_worker_for_ever(own: Callable[..., Any]) -> None:
    with own(client_seconds=2.0, wait_seconds=SOON, seconds=1000) as served:
        served.rows("select 1")
        before = psutil.Process().memory_info().rss
        client = raw_query(served, ENDLESS)
        until(lambda: busy(served) == 1)

        assert served.rows("select 2") == [[2]]  # after two seconds: the only worker was the slow client's

        assert psutil.Process().memory_info().rss - before < 100 << 20
        client.close()


def test_a_killed_worker_loses_its_own_statement_alone(own: Callable[..., Any]) -> None:
    with own(workers=2, seconds=1000) as served:
        reads = len(served.log)
        killed, other = raw_query(served, LONG.replace("= 3", "= (select count(*) from orders.orders)")), []
        until(lambda: len(served.log) > reads)  # from here on another worker cannot take it over
        idle = served.inside(lambda: [worker.pid for worker in served.app.state.queries.pool._idle._queue])
        pid = next(pid for pid in served.workers if pid not in idle)
        running = threading.Thread(target=lambda: other.append(served.query("select * from range(300000)", ARROW).read()))
        running.start()

        os.kill(pid, signal.SIGKILL)
        running.join()

        said = killed.recv(1000)
        assert said.startswith(b"HTTP/1.1 422"), said
        killed.close()
        assert pa.ipc.open_stream(other[0]).read_all().num_rows == 300_000
        assert until(lambda: len(served.workers) == 2)
        assert pid not in served.workers


def test_an_idle_worker_that_was_killed_is_not_noticed(own: Callable[..., Any]) -> None:
    with own(workers=1) as served:
        os.kill(served.workers[0], signal.SIGKILL)

        assert served.rows("select 3") == [[3]]


def test_the_nursery_can_be_killed(own: Callable[..., Any]) -> None:
    with own(workers=1) as served:
        psutil.Process(served.workers[0]).parent().kill()

        assert served.rows("select 4") == [[4]]


def test_workers_are_replaced_after_so_many_statements(own: Callable[..., Any]) -> None:
    with own(workers=1, queries_per_worker=2) as served:
        first = served.workers
        for _ in range(2):
            served.rows("select 1")

        assert until(lambda: served.workers not in ([], first))


def test_nothing_is_left_of_a_service_that_ended(own: Callable[..., Any]) -> None:
    with own(workers=2) as served:
        pids = [*served.workers, psutil.Process(served.workers[0]).ppid()]

    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_a_worker_can_write_no_file(served: Served) -> None:
    limits = [psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE) for pid in served.workers]

    assert limits == [(0, 0), (0, 0)]
