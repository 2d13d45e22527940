"""Measures the memory of stage, audit and publication, DuckDB held to 1 GB: of more rows than fit, with a string that differs in each.

Usage: python benchmarks/memory.py [--rows 2000000 100000000] [--limit 1GB]

The rows are those of benchmarks/audit.py (12 columns, 24 rules) and a receipt: unique, so the hashes of 100 million of them are more
than DuckDB may hold and it must spill. One process stages, audits and publishes them; its memory after each step is the largest
resident set until then. Another audits what was published by the 24 rules alone, none of which needs memory by the row.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import machine, own_peak_mb  # noqa: E402  # after the path

RESULTS = Path(__file__).parent / "results" / "memory.json"
# Every one different, in no order, 40 characters wide.
RECEIPT = "md5(i::VARCHAR) || '-' || lpad((i % 9999991)::VARCHAR, 7, '0')"
MADE_OF = "0123456789abcdef"


def main() -> None:
    """Publish and audit each number of rows, or be one of the two processes."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, nargs="*", default=[2_000_000, 100_000_000])
    arguments.add_argument("--limit", default="1GB", help="DuckDB's memory_limit")
    arguments.add_argument("--one", nargs=2, metavar=("STEP", "FOLDER"), help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.one:
        step = {"publish": publish, "audit": audit_again}[asked.one[0]]
        print(json.dumps(step(Path(asked.one[1]), asked.rows[0], asked.limit)))
        return
    found = [measured(rows, asked.limit) for rows in asked.rows]
    result = {"machine": machine(), "measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "load": os.getloadavg()[0], "found": found}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(found))


def measured(rows: int, limit: str) -> dict[str, Any]:
    """What both processes say of so many rows, and how much was spilled at most; the rows are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-memory-"))
    try:
        spilled = Spilled(folder / "home" / "spill")
        published = run("publish", folder, rows, limit)
        spilled.stop()
        return {"rows": rows, "limit": limit, "spilled_mb": spilled.bytes >> 20, **published, **run("audit", folder, rows, limit)}
    finally:
        shutil.rmtree(folder)


def run(step: str, folder: Path, rows: int, limit: str) -> dict[str, Any]:
    """What one of the two processes says."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", step, str(folder), "--rows", str(rows), "--limit", limit]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{rows:>12,} {step}: {done.stdout.strip()}", file=sys.stderr)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def publish(folder: Path, rows: int, limit: str) -> dict[str, Any]:
    """Seconds and memory of each step until the rows are a snapshot.

    Raises:
        SystemExit: a good row was found bad, or rows are missing.
    """
    from benchmarks.audit_contract import Receipts, declared
    from benchmarks.audit_data import rows_sql

    from dagmesh.audit.audit import audit
    from dagmesh.lake.publication import Record

    lake, con = opened(folder, limit)
    product, steps = declared(Receipts), Steps()
    table = lake.table(product.address)
    stage = table.stage(con, f"({rows_sql(rows, 'good', receipt=RECEIPT)})", product, ())
    steps.note("stage")
    report = audit(con, stage.sql(), product, files=stage.parquet())
    steps.note("audit")
    record = Record("run-1", datetime.now(UTC), {None: MADE_OF}, checks=[result.describe() for result in report.results])
    stage = stage.with_row_hashes(con, {day: tally.row_hash for day, tally in report.tallies.items()})
    snapshot = table.publish(stage, (), record, lake.signing_key("shop"))
    steps.note("publish")
    if report.failed or snapshot.publication.rows != rows:
        raise SystemExit(f"{rows} good rows: {[r.name for r in report.failed]} failed, {snapshot.publication.rows} rows were published")
    return {"checks": len(report.results), "file_mb": sum(file.size for file in snapshot.files) >> 20, **steps.found}


def audit_again(folder: Path, rows: int, limit: str) -> dict[str, Any]:
    """Seconds and memory of the 24 rules on what was published.

    Raises:
        SystemExit: a good row was found bad.
    """
    from benchmarks.audit_contract import Orders, Receipts, declared

    from dagmesh.audit.audit import judged

    lake, con = opened(folder, limit)
    snapshot, steps = lake.table(declared(Receipts).address).snapshot(), Steps()
    sql = f"(SELECT * EXCLUDE (receipt) FROM {snapshot.sql()})"
    failed = [result.name for result in judged(con, sql, declared(Orders), files=snapshot.parquet) if not result.passed]
    steps.note("rules")
    if failed:
        raise SystemExit(f"{rows} good rows: {failed} failed")
    return steps.found


def opened(folder: Path, limit: str) -> Any:
    """The lake in the folder, and a connection as the platform opens one, held to the limit."""
    from dagmesh.lake.lake import Lake

    lake = Lake(str(folder / "lake"), folder / "home")
    con = lake.connect()
    con.execute(f"SET memory_limit = '{limit}'")
    return lake, con


class Steps:
    """CPU and wall seconds of each step, and the process's largest resident set until its end."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._began, self._cpu = perf_counter(), self._used()

    def note(self, step: str) -> None:
        """A step ends here."""
        now, cpu = perf_counter(), self._used()
        self.found[step] = {"cpu_s": round(cpu - self._cpu, 2), "wall_s": round(now - self._began, 2), "peak_mb": own_peak_mb()}
        self._began, self._cpu = now, cpu

    def _used(self) -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime


class Spilled(threading.Thread):
    """Watches the size of DuckDB's spilled files until stopped."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._folder, self._stopped = folder, threading.Event()
        self.start()

    def run(self) -> None:
        """Look every 50 ms."""
        while not self._stopped.wait(0.05):
            self.bytes = max(self.bytes, sum(map(size, self._folder.glob("*"))))

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self.join()


def size(file: Path) -> int:
    """Bytes on the disk; 0 of a file that is gone since it was listed."""
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def table(found: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| rows | step | CPU s | wall s | peak MB | spilled MB |", "|---|---|---|---|---|---|"]
    for case in found:
        for step in ("stage", "audit", "publish", "rules"):
            f, spilled = case[step], f"{case['spilled_mb']:,}" if step == "audit" else ""
            lines.append(f"| {case['rows']:,} | {step} | {f['cpu_s']:.1f} | {f['wall_s']:.1f} | {f['peak_mb']:,} | {spilled} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
