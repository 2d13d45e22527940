"""benchmarks/shop.py, small: how often a build of the shop asks DuckDB, commits and begins a run."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks.peers.place import ROOT
from benchmarks.shop import builds, write_exports

DAYS, ORDERS_PER_DAY = 3, 100
Counts = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """What each step asked, and how many commits and runs it came to."""
    home = tmp_path_factory.mktemp("shop")
    write_exports(home, ORDERS_PER_DAY, DAYS + 1)
    return dict(_steps(home))


def _steps(home: Path) -> Iterator[tuple[str, Counter[str]]]:
    before: Counter[str] = Counter()
    for step, words in builds(DAYS).items():
        counts = home / f"{step}.json"
        environment = {**os.environ, "DAGMESH_HOME": str(home), "DAGMESH_LAKE": ""}
        counting = [sys.executable, "-m", "benchmarks.peers.counting", str(counts), *words[2:]]
        done = subprocess.run(counting, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        after = Counter(commits=len([*home.glob("lake/*/*/*/_delta_log/*.json")]), runs=_runs(home))
        yield step, Counter(json.loads(counts.read_text())) + (after - before)
        before = after


def _runs(home: Path) -> int:
    with closing(sqlite3.connect(home / "dagster/history/runs.db")) as con:
        return int(con.execute("SELECT count(*) FROM runs").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "most"),
    [
        ("full", {"queries": 900, "opened": 590, "row_groups": 125}),
        ("one day more", {"queries": 640, "opened": 390, "row_groups": 80}),
    ],
)
def test_a_build_asks_no_more_of_duckdb_than_it_did(counts: Counts, step: str, most: dict[str, int]) -> None:
    assert {what: counts[step][what] for what in most if counts[step][what] > most[what]} == {}
    assert min(counts[step][what] for what in most) > 0, "nothing was counted"


@pytest.mark.slow
def test_a_build_commits_each_product_once_in_as_few_runs_as_the_domains_allow(counts: Counts) -> None:
    found = [(counts[step]["commits"], counts[step]["runs"]) for step in counts]

    assert found == [(17, 8), (15, 7), (0, 0)]


@pytest.mark.slow
def test_where_nothing_changed_nothing_is_asked(counts: Counts) -> None:
    assert counts["nothing changed"].total() == 0
