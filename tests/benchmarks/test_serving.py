"""The query service under small load and weight: the benchmark itself, held to what does not depend on the machine's speed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serving.py"


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
