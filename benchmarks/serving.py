"""The query service under load and under weight, over real loopback sockets.

`load`: clients ask small mixed queries for a while and a worker is killed at random every second; every request is to succeed but the one
whose worker was killed. `stream`: ten million rows of eight columns, as SQL over HTTP, against a direct read of the same files.

    python benchmarks/serving.py --clients 50 --seconds 60 --rows 10000000 --out benchmarks/results/serving.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow as pa
from measuring import Figures, machine
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

import dagmesh as dm
from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.service.app import application
from dagmesh.consume.service.limits import Limits
from dagmesh.consume.service.serving import serve
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.model.mesh import Mesh

ARROW = "application/vnd.apache.arrow.stream"
SALES = """
    SELECT i AS sale_id, i % 100000 AS customer_id, 'p' || (i % 5000) AS product, 1 + i % 9 AS pieces,
        ((i * 7919) % 100000 / 100)::DECIMAL(18, 2) AS price_eur, DATE '2026-01-01' + (i // 40000)::INTEGER AS sold_on,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) SECOND AS sold_at, i % 997 / 997.0 AS score
    FROM range({rows}) AS sales(i)"""
SMALL = (
    "select count(*), sum(price_eur) from sales.sales where sale_id < 20000",
    "select product, sum(pieces) from sales.sales where sale_id < 50000 group by 1 order by 2 desc limit 20",
    "select * from sales.sales where sale_id between 1000 and 1100 order by sale_id",
    'select max(sold_at) from "sales.sales@1" where sale_id < 1000',
    "select a.customer_id from sales.sales a join sales.sales b using (sale_id) where a.sale_id < 500",
)


class Sales(dm.Contract):
    """One row per sale."""

    sale_id: int = dm.field(key=True, description="Number of the sale.")
    customer_id: int = dm.field(description="Who bought.")
    product: str = dm.field(description="What was bought.")
    pieces: int = dm.field(unit="pieces", description="How many.")
    price_eur: Decimal = dm.field(unit="EUR", description="What it cost.")
    sold_on: date = dm.field(description="UTC day of the sale.")
    sold_at: datetime = dm.field(description="When it was sold.")
    score: float = dm.field(description="How likely it is to come back.")


@dm.data_product(contract=Sales, version="1.0.0", serves=["finance"], promise=dm.Promise())
def sales(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Every sale."""
    return rows


class Everybody:
    """Takes whoever asks for finance: what an identity costs is not measured here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["principal"] = Principal("benchmark", "finance")
        await self.app(scope, receive, send)


def built(folder: Path, rows: int) -> Mesh:
    """A mesh that publishes so many sales, made once."""
    (folder / "workspace.yaml").write_text("load_from: []\n")
    mesh = Mesh.find(folder)
    lake = Lake.of(mesh)
    product = sales.in_domain("sales", "team:sales", None)
    table = lake.table(product.address)
    if table.newest is None:
        con = lake.connect()
        stage = table.stage(con, f"({SALES.format(rows=rows)})", product, ())
        record = Record(run_id="benchmark", published_at=datetime.now(UTC), made_of={None: "0" * 16})
        table.publish(stage, (), record, lake.signing_key("sales"))
        con.close()
    return mesh


@contextmanager
def running(folder: Path, workers: int) -> Iterator[tuple[int, psutil.Process]]:
    """The service in a process of its own: its port and process."""
    command = [sys.executable, __file__, "--serve", str(folder), "--workers", str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        yield port, psutil.Process(process.pid)
        process.send_signal(signal.SIGINT)


def ask(port: int, sql: str, accept: str = ARROW) -> Any:
    """The response to a query."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/v1/query", json.dumps({"sql": sql}), {"content-type": "application/json", "accept": accept})
    return connection.getresponse()


def queried(port: int) -> int:
    """How many rows came of a statement, read as they came."""
    return sum(len(batch) for batch in pa.ipc.open_stream(ask(port, "select * from sales.sales")))


def downloaded(port: int) -> int:
    """How many rows came of a download, read as they came."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/v1/products/sales.sales/data", headers={"accept": ARROW})
    return sum(len(batch) for batch in pa.ipc.open_stream(connection.getresponse()))


def direct(folder: Path) -> int:
    """How many rows a direct read of the product's files gives, as Arrow."""
    con = duckdb.connect()
    files = [str(file) for file in folder.glob(".dagmesh/lake/sales/sales/v1/*.parquet")]
    return sum(len(batch) for batch in con.sql(f"FROM read_parquet({files})").to_arrow_reader(122_880))


class Memory(threading.Thread):
    """The most resident memory, in MB, of a process and of its descendants, until stopped."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.service = self.workers = 0
        self._process, self._stopped = process, threading.Event()
        self.start()

    def run(self) -> None:
        """Sample until stopped."""
        while not self._stopped.wait(0.05):
            self.service = max(self.service, self._process.memory_info().rss >> 20)
            resident = []
            for child in self._process.children(recursive=True):
                try:
                    resident.append(child.memory_info().rss >> 20)
                except psutil.NoSuchProcess:
                    continue
            self.workers = max(self.workers, max(resident, default=0))

    def stop(self) -> None:
        """Stop sampling."""
        self._stopped.set()
        self.join()


def stream(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Wall and CPU seconds of three ways in turn, all processes together, and the service's memory."""
    with running(folder, 2) as (port, process):
        ways = {"direct": lambda: direct(folder), "download": lambda: downloaded(port), "query": lambda: queried(port)}
        memory = Memory(process)
        figures: dict[str, Any] = {f"{name}_{unit}": [] for name in ways for unit in ("s", "cpu_s")}
        for turn in range(rounds + 1):
            for name, way in ways.items():
                begun, before = time.perf_counter(), _cpu(process)
                found = way()
                assert found == rows, found
                if turn:  # the first warms up
                    figures[f"{name}_s"].append(round(time.perf_counter() - begun, 2))
                    figures[f"{name}_cpu_s"].append(round(_cpu(process) - before, 2))
        memory.stop()
    median = {name: statistics.median(values) for name, values in figures.items()}
    for name in ("download", "query"):
        figures[f"{name}_ratio"] = round(median[f"{name}_s"] / median["direct_s"], 2)
        figures[f"{name}_cpu_ratio"] = round(median[f"{name}_cpu_s"] / median["direct_cpu_s"], 2)
    return {"rows": rows, **figures, "service_mb": memory.service, "worker_mb": memory.workers}


def _cpu(service: psutil.Process) -> float:
    """CPU seconds of this process, of the service's and its descendants'."""
    return sum(sum(one.cpu_times()[:2]) for one in (psutil.Process(), service, *service.children(recursive=True)))


def load(folder: Path, clients: int, seconds: float, kill_every: float | None) -> dict[str, Any]:
    """What so many clients saw in so many seconds; with `kill_every` a worker is killed at random so often."""
    times: list[float] = []
    failed: list[str] = []
    killed = 0
    with running(folder, 2) as (port, process):
        memory, until = Memory(process), time.monotonic() + seconds
        threads = [threading.Thread(target=_client, args=(port, until, number, times, failed)) for number in range(clients)]
        for thread in threads:
            thread.start()
        while kill_every and time.monotonic() < until - kill_every:
            time.sleep(kill_every)
            workers = [child for nursery in process.children() for child in nursery.children()]
            os.kill(random.choice(workers).pid, signal.SIGKILL)  # noqa: S311 - any will do
            killed += 1
        for thread in threads:
            thread.join()
        memory.stop()
    times.sort()
    figures: Figures = {"p50_ms": round(times[len(times) // 2] * 1000), "p95_ms": round(times[int(len(times) * 0.95)] * 1000)}
    said = {"clients": clients, "seconds": seconds, "requests": len(times), "killed": killed}
    return {**said, "failed": dict(Counter(failed)), **figures, "service_mb": memory.service}


def _client(port: int, until: float, seed: int, times: list[float], failed: list[str]) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same load each time
    while time.monotonic() < until:
        begun = time.perf_counter()
        try:
            response = ask(port, chance.choice(SMALL))
            content = response.read()
            if response.status == 200:
                pa.ipc.open_stream(content).read_all()
            else:
                failed.append(f"{response.status}: {content.decode()}")
        except (OSError, HTTPException, pa.ArrowException) as error:
            failed.append(f"{type(error).__name__}: {error}")
        times.append(time.perf_counter() - begun)


def main() -> None:
    """Run what is asked for and write the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--folder", type=Path, help="where the mesh is built and kept; a temporary folder by default")
    options.add_argument("--out", type=Path, help="a JSON file for the figures")
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--workers", type=int, default=2, help=argparse.SUPPRESS)
    said = options.parse_args()
    if said.serve:
        app = application(Mesh.find(said.serve), middleware=[Middleware(Everybody)], limits=Limits(workers=said.workers))
        serve(app, port=0, on_ready=lambda url: print(url.rpartition(":")[2], flush=True))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        built(folder, said.rows)
        figures = {
            "machine": machine(),
            "stream": stream(folder, said.rows, said.rounds),
            "load": load(folder, said.clients, said.seconds, None),
            "load_with_kills": load(folder, said.clients, said.seconds, 1.0),
        }
    print(json.dumps(figures, indent=1))
    if said.out:
        said.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
