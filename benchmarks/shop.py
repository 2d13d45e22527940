"""Measures the shop mesh: full build, one day more, nothing changed. Usage: python benchmarks/shop.py [--orders 5000000] [--rounds 1]

Each figure is of a whole process tree: CPU seconds (user and system), wall seconds, peak memory (sum of resident sets, sampled
every 50 ms). The results go to benchmarks/results/shop.json with the machine's description; the README's table is made of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter

import psutil

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "shop.json"
DAYS = 30
LAST = date(2026, 11, 19)


def main() -> None:
    """Run the rounds and write the medians."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--orders", type=int, default=5_000_000, help="orders in all, over 30 days")
    arguments.add_argument("--rounds", type=int, default=1)
    asked = arguments.parse_args()
    rounds = [one_round(asked.orders) for _ in range(asked.rounds)]
    medians = {step: {f: statistics.median(r[step][f] for r in rounds) for f in rounds[0][step]} for step in rounds[0]}
    found = {
        "orders": asked.orders,
        "days": DAYS,
        "machine": machine(),
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "medians": medians,
        "rounds": rounds,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(found))


def one_round(orders: int) -> dict[str, dict[str, float]]:
    """Every step once, in a mesh home of its own: 30 days, one day more, the same again."""
    home = Path(tempfile.mkdtemp(prefix="dagmesh-bench-"))
    try:
        subprocess.run(
            [
                sys.executable,
                "domains/shop.py",
                "--out",
                f"{home}/exports",
                "--to",
                str(LAST),
                "--days",
                str(DAYS + 1),
                "--orders-per-day",
                str(orders // DAYS),
            ],
            cwd=ROOT,
            check=True,
        )
        return {
            "full": measured(home, LAST - timedelta(days=1)),
            "one day more": measured(home, LAST),
            "nothing changed": measured(home, LAST),
        }
    finally:
        shutil.rmtree(home)


def measured(home: Path, last: date) -> dict[str, float]:
    """CPU, wall and peak memory of one `dagmesh build`."""
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "DAGMESH_HOME": str(home)}
    command = [sys.executable, "-m", "dagmesh", "build", "--days", str(DAYS), "--to", str(last)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    peak = Peak(process.pid)
    code = process.wait()
    peak.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"dagmesh build ended with {code}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(perf_counter() - began, 2), "peak_mb": peak.bytes >> 20}


class Peak(threading.Thread):
    """Watches a process tree's memory until stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        """Sample until stopped or until the process is gone."""
        while not self._stopped.wait(0.05):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(process.memory_info().rss for process in tree))
            except psutil.NoSuchProcess:
                continue

    def stop(self) -> None:
        """Stop sampling."""
        self._stopped.set()
        self.join()


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total >> 30
    return {"cpus": os.cpu_count(), "memory_gb": memory, "system": platform.system(), "python": platform.python_version()}


def table(found: dict[str, object]) -> str:
    """The medians as a Markdown table."""
    medians: dict[str, dict[str, float]] = found["medians"]  # type: ignore[assignment]  # JSON values
    rows = [f"| {step} | {f['cpu_s']:.1f} | {f['wall_s']:.1f} | {f['peak_mb']:,.0f} |" for step, f in medians.items()]
    head = f"{found['orders']:,} orders over {found['days']} days | CPU s | wall s | peak MB"
    return "\n".join([f"| {head} |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    main()
