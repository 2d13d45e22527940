"""Measures a mesh of many small domains: its daily run, commands, catalogue, and start. Usage: python benchmarks/many_domains.py [--no-up]

Each domain is a code location of five products as in benchmarks/many_products.py. One round; figures are of whole processes, imports
included. Of `dagmesh up` they are wall seconds until every location answers, and the PSS of its process tree ten seconds later. Results
go to benchmarks/results/many_domains.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.many_products import DAY, run, write_mesh  # noqa: E402  # after the path
from benchmarks.measuring import Figures, machine  # noqa: E402
from benchmarks.running import pss, up  # noqa: E402
from benchmarks.tables import many_domains, write_tables  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "many_domains.json"
STEPS = {
    "check": ["check"],
    "plan of everything": ["plan", "--days", "1", "--to", DAY],
    "daily run": ["build", "--days", "1", "--to", DAY],
    "the same again": ["build", "--days", "1", "--to", DAY],
    "plan of the next day": ["plan", "--days", "2", "--to", "2026-11-20"],
    "list": ["list"],
    "board": ["board"],
    "search": ["search", "numbers of a kind"],
    "catalog build": ["catalog", "build", "--out", "site"],
}


def main() -> None:
    """Make the mesh and go through the steps once."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--domains", type=int, default=200)
    arguments.add_argument("--products", type=int, default=5)
    arguments.add_argument("--no-up", action="store_true", help="do not start it: every location is a process")
    asked = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-domains-"))
    found = {"domains": asked.domains, "products": asked.products, "machine": machine(), "measured_at": f"{datetime.now(UTC):%Y-%m-%d}"}
    try:
        found["steps"] = steps(folder, asked.domains, asked.products)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")  # it may not start
        if not asked.no_up:
            found["up"] = started(folder)
    finally:
        shutil.rmtree(folder)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(many_domains(found))
    write_tables()


def steps(folder: Path, domains: int, products: int) -> dict[str, Figures]:
    """The figures of each step, after those that Python compiles the files in."""
    write_mesh(folder, products, tuple(f"d{number:03}" for number in range(domains)))
    run(folder, ["-m", "dagmesh", "lock"])  # what `check` wants
    found: dict[str, Figures] = {}
    for step, words in STEPS.items():
        found[step] = run(folder, ["-m", "dagmesh", *words])
        print(step, found[step], flush=True)
    return found


def started(folder: Path) -> dict[str, float]:
    """Seconds until every location answers, and megabytes."""
    os.environ["DAGMESH_HOME"] = str(folder / ".dagmesh")
    with up(folder) as (_, seconds):
        time.sleep(10)
        return {"ready_s": seconds, "pss_mb": pss()}


if __name__ == "__main__":
    main()
