"""Measures `dagmesh up` of the demo: until every location answers, its memory, and clicks. Usage: python benchmarks/running.py

The demo's thirty days are built first, in a home of their own. Memory is the PSS of the whole process tree, ten seconds after it answers. A
click is what the Materialize button sends, of `finance.daily_revenue` for its newest day; it ends when the new snapshot is published.
Results go to benchmarks/results/running.json.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import machine, tree_bytes  # noqa: E402  # after the path
from benchmarks.tables import running, write_tables  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "running.json"
PRODUCT = "finance.daily_revenue"
LAUNCH = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def main() -> None:
    """Start the demo several times, click in the last, write the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--starts", type=int, default=5)
    arguments.add_argument("--clicks", type=int, default=9)
    asked = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="dagmesh-running-"))
    os.environ["DAGMESH_HOME"] = str(home)
    try:
        build(home)
        starts, memory, clicks = [], [], list[float]()
        for number in range(asked.starts):
            with up() as (port, seconds):
                starts.append(seconds)
                time.sleep(10)
                memory.append(pss())
                if number == asked.starts - 1:
                    clicks = [click(port) for _ in range(asked.clicks)]
    finally:
        shutil.rmtree(home)
    found = {
        "machine": machine(),
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "load": round(os.getloadavg()[0], 1),
        "ready_s": starts,
        "pss_mb": memory,
        "click_s": clicks,
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(running(found))
    write_tables()


def build(home: Path) -> None:
    """The demo, as `make demo` makes it."""
    days = ["--days", "30"]
    subprocess.run(
        [sys.executable, "domains/shop.py", "--out", str(home / "exports"), *days, "--orders-per-day", "1000"], cwd=ROOT, check=True
    )
    subprocess.run([sys.executable, "-m", "dagmesh", "build", *days], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def up(mesh: Path = ROOT) -> Iterator[tuple[int, float]]:
    """The port of a running mesh, and the wall seconds until every location answered.

    Raises:
        SystemExit: it ended, or a location did not load.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    began = time.perf_counter()
    words = [sys.executable, "-m", "dagmesh", "up", "--port", str(port)]
    process = subprocess.Popen(words, cwd=mesh, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        said = process.stdout.readline()
        seconds = round(time.perf_counter() - began, 2)
        if "Dagster UI" not in said or "not loaded" in said:
            raise SystemExit(f"up said: {said}")
        yield port, seconds
    finally:
        process.terminate()
        process.wait()


def pss() -> int:
    """Megabytes of this process's children and theirs, what they share counted once."""
    return sum(tree_bytes(child) for child in psutil.Process().children()) >> 20


def click(port: int) -> float:
    """Seconds from the request to the new snapshot; it returns when the run is over too.

    Raises:
        SystemExit: the run failed.
    """
    from dagmesh.lake.lake import Lake
    from dagmesh.model.address import Address
    from dagmesh.model.mesh import Mesh

    table = Lake.of(Mesh.find(ROOT)).table(Address.parse(f"{PRODUCT}@1"))
    before, began = table.newest, time.perf_counter()
    domain, name = PRODUCT.split(".")
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    selector = {"repositoryLocationName": domain, "repositoryName": "__repository__", "pipelineName": "__ASSET_JOB"}
    selector |= {"assetSelection": [{"path": [domain, f"{name}_v1"]}]}  # with its checks, as the button does
    tags = [{"key": "dagster/partition", "value": day}]
    params = {"mode": "default", "executionMetadata": {"tags": tags}, "runConfigData": {}, "selector": selector}
    launched = ask(port, LAUNCH, params=params)["launchPipelineExecution"]
    if "run" not in launched:
        raise SystemExit(f"the click was answered with {launched}")
    while table.newest == before and time.perf_counter() - began < 60:
        time.sleep(0.02)
    seconds = round(time.perf_counter() - began, 2)
    while (status := ask(port, RUN, id=launched["run"]["runId"])["runOrError"]["status"]) not in ("SUCCESS", "FAILURE", "CANCELED"):
        time.sleep(0.05)
    if status != "SUCCESS" or table.newest == before:
        raise SystemExit(f"the run of {PRODUCT} for {day} ended with {status}")
    return seconds


def ask(port: int, query: str, **variables: object) -> Any:
    """What the interface answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        body = json.dumps({"query": query, "variables": variables})
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())["data"]


if __name__ == "__main__":
    main()
