"""Measures what publishing a day of a hundred rows costs in a warm process, as the history grows. Usage: python benchmarks/long_history.py

One product of a private table, a hundred rows a day, is published day after day, each day in a commit of its own; a publication is read,
compute, stage, audit, sign and commit, without Dagster. Figures are the medians of 21 publications in a row at each length of history,
CPU and wall milliseconds; results go to benchmarks/results/long_history.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.many_products import PRODUCT, SOURCE  # noqa: E402  # after the path
from benchmarks.measuring import machine  # noqa: E402
from benchmarks.tables import long_history, write_tables  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "long_history.json"
LENGTHS = (30, 100, 300, 1_000)
AROUND = 21
FIRST = date(2020, 1, 1)
DOMAIN = "counting"
DEFINITIONS = f'import dagmesh as dm\n\ndefs = dm.domain("{DOMAIN}", owner="team:{DOMAIN}", start="{FIRST}")\n'
ROWS = "(SELECT DATE '{day}' AS day, n AS number, n % 7 AS weight FROM range(100) numbers(n))"


def main() -> None:
    """Publish the longest history once and write what its days cost."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="days of history to measure at")
    asked = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-history-"))
    try:
        days = list(published(folder, max(asked.lengths) + AROUND))
    finally:
        shutil.rmtree(folder)
    found = {
        "machine": machine(),
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "lengths": {length: middle(days[length : length + AROUND]) for length in asked.lengths},
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(long_history(found))
    write_tables()


def middle(days: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure, and the slowest wall."""
    return {**{what: round(median(day[what] for day in days), 1) for what in days[0]}, "slowest": round(max(d["wall_ms"] for d in days), 1)}


def published(folder: Path, count: int) -> Iterator[dict[str, float]]:
    """What each of so many days costs to publish, the first first.

    Raises:
        SystemExit: a day was not published.
    """
    import dagster as dg

    from dagmesh.orchestrate.publishing import Run, publish

    warnings.simplefilter("ignore", dg.BetaWarning)
    table, product, lake = nodes(folder)
    source = table.store.table(table.table.name)
    for day in (FIRST + timedelta(days=number) for number in range(count)):
        with lake.connect() as con:
            source.write(con, ROWS.format(day=day), [day], made_of={day: table.made_of(day)})
            cpu, wall = process_time(), perf_counter()
            outcome = publish(Run(product.ports, con, f"run-{day}", datetime.now(UTC)), product.product, [day])
            yield {"cpu_ms": 1e3 * (process_time() - cpu), "wall_ms": 1e3 * (perf_counter() - wall)}
        if not outcome.complete:
            raise SystemExit(f"{day} was not published: {outcome}")


def nodes(folder: Path) -> tuple[Any, Any, Any]:
    """The private table and the product as a run has them, and their lake."""
    from dagmesh.lake.lake import Lake
    from dagmesh.model.mesh import Mesh
    from dagmesh.orchestrate.loading import dagster_domain, nodes_of

    package = folder / "domains" / DOMAIN / DOMAIN
    (package / "products").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "definitions.py": DEFINITIONS,
        "sources.py": SOURCE.replace("2026-01-01", str(FIRST)),
        "products/__init__.py": "",
        "products/daily.py": PRODUCT.replace("NAME", "daily"),
    }.items():
        (package / name).write_text(text, encoding="utf-8")
    module = f"{{module_name: {DOMAIN}.definitions, attribute: defs, working_directory: domains/{DOMAIN}, location_name: {DOMAIN}}}"
    (folder / "workspace.yaml").write_text(f"load_from:\n  - python_module: {module}\n", encoding="utf-8")
    mesh = Mesh.find(folder)
    lake = Lake.of(mesh)
    found = nodes_of(mesh, [dagster_domain(location) for location in mesh.locations], lake)
    return found[DOMAIN, "numbers"], found[DOMAIN, "daily_v1"], lake


if __name__ == "__main__":
    main()
