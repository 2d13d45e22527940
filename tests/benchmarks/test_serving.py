"""benchmarks/serving.py, small: what the service gives is the rows of a direct read, and what it records and starts for each query."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from benchmarks.serving import SMALL, ask, built, direct, queried, running

ROWS = 60_000
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serving.py"


@dataclass(frozen=True)
class Served:
    """What the service gave for each small query asked twice, and for all rows; its workers, and the lines of its log of reads."""

    folder: Path
    answers: list[tuple[pa.Table, int]]
    rows: int
    workers: set[int]
    lines: list[dict[str, Any]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("serving")
    built(folder, ROWS)
    answers, workers = [], set[int]()
    with running(folder, 1) as (port, process):
        for sql in (*SMALL, *SMALL):
            content = ask(port, sql).read()
            answers.append((pa.ipc.open_stream(content).read_all(), len(content)))
            workers |= {child.pid for nursery in process.children() for child in nursery.children()}
        rows = queried(port)
    # After the service has ended, so that the end of each query is written.
    [log] = folder.glob(".dagmesh/reads/*.jsonl")
    return Served(folder, answers, rows, workers, [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()])


def test_the_service_streams_the_rows_of_a_direct_read(served: Served) -> None:
    assert served.rows == direct(served.folder) == ROWS


def test_one_worker_answers_all_queries_of_one_client(served: Served) -> None:
    assert len(served.workers) == 1


def test_a_query_is_one_read_and_one_end_that_counts_what_was_handed_out(served: Served) -> None:
    reads = Counter(line["query"] for line in served.lines if "query" in line)
    ends = [(line["completes"], line["rows"], line["size_bytes"]) for line in served.lines if "completes" in line]

    assert set(reads.values()) == {1}
    assert [query for query, _, _ in ends] == list(reads)
    assert [end[1:] for end in ends[:-1]] == [(table.num_rows, size) for table, size in served.answers]
    assert ends[-1][1] == ROWS


@pytest.mark.slow
def test_no_request_fails_but_those_of_killed_workers_and_memory_stays_flat(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    small = ["--rows", "1000000", "--rounds", "1", "--clients", "10", "--seconds", "5"]

    subprocess.run([sys.executable, SCRIPT, *small, "--out", out], cwd=tmp_path, check=True, capture_output=True, timeout=300)

    figures = json.loads(out.read_text(encoding="utf-8"))
    load, kills = figures["load"], figures["load_with_kills"]
    assert load["requests"] > 0
    assert load["failed"] == {}
    assert kills["killed"] > 0
    assert sum(kills["failed"].values()) <= kills["killed"]
    assert max(figures["stream"]["service_mb"], load["service_mb"], kills["service_mb"]) < 400
