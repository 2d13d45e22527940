"""Measures one domain of many small products against the same assets in plain Dagster.

Usage: python benchmarks/many_products.py [--products 1000] [--rounds 1]

Each product has five rules, reads one private table and publishes a hundred rows a day; a plain asset does nothing and has as
many checks as a product. Two steps: load the code location, and one daily run of everything. Figures are of a whole
process, imports included: CPU seconds (user and system), wall seconds, peak memory. They go to benchmarks/results/many_products.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from shop import machine

RESULTS = Path(__file__).parent / "results" / "many_products.json"
DAY = "2026-11-19"
MODULE = "{module_name: many.definitions, attribute: defs, working_directory: domains/many, location_name: many}"
WORKSPACE = f"load_from:\n  - python_module: {MODULE}\n"
DEFINITIONS = 'import dagmesh as dm\n\ndefs = dm.domain("many", owner="team:many", ready_at="00:00")\n'
SOURCE = '''"""A hundred rows a day."""
import dagster as dg
import duckdb
import dagmesh as dm


@dg.asset(partitions_def=dm.daily("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run())
def numbers(context: dg.AssetExecutionContext, lake: dm.LakeResource) -> duckdb.DuckDBPyRelation:
    """Numbers by day."""
    day = dm.days_of(context)[0]
    return lake.connection().sql(f"SELECT DATE '{day}' AS day, n AS number, n % 7 AS weight FROM range(100) numbers(n)")
'''
PRODUCT = '''"""Numbers of a kind, a day at a time."""
from datetime import date
import duckdb
import dagmesh as dm


class Numbers(dm.Contract):
    """One row per number and day."""

    day: date = dm.field(key=True, description="UTC day.")
    number: int = dm.field(key=True, ge=0, description="The number.")
    weight: int = dm.field(ge=0, description="What it weighs.")


@dm.data_product(contract=Numbers, version="1.0.0", serves=[], promise=dm.Promise(), partitioned_by="day")
def NAME(numbers: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take them all."""
    return dm.sql("SELECT day, number, weight FROM numbers", numbers=numbers)
'''
PLAIN = """
import sys
import dagster as dg

days = dg.DailyPartitionsDefinition("2026-01-01")


def asset(name):
    checks = [dg.AssetCheckSpec(f"check_{n}", asset=name) for n in range(CHECKS)]

    @dg.multi_asset(name=name, specs=[dg.AssetSpec(name, partitions_def=days)], check_specs=checks)
    def made():
        yield dg.MaterializeResult(name, check_results=[dg.AssetCheckResult(check_name=c.name, passed=True) for c in checks])

    return made


defs = dg.Definitions(assets=[asset(f"p{n:04}") for n in range(PRODUCTS)], executor=dg.in_process_executor)
job = defs.resolve_implicit_global_asset_job_def()
if len(sys.argv) > 1:
    with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        assert job.execute_in_process(instance=instance, partition_key="DAY", run_config=quiet).success
"""
LOAD = """
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.definitions import definitions

definitions(Mesh.find().location("many").load()).resolve_implicit_global_asset_job_def()
"""
CHECKS = """
from dagmesh.audit.report import check_names
from dagmesh.model.mesh import Mesh

print(len(check_names(Mesh.find().location("many").load().products[0])) + 1)
"""


def main() -> None:
    """Run the rounds, in turns, and write the medians."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--products", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=1)
    asked = arguments.parse_args()
    rounds = [one_round(asked.products) for _ in range(asked.rounds)]
    medians = {step: {f: statistics.median(r[step][f] for r in rounds) for f in rounds[0][step]} for step in rounds[0]}
    ratios = {step: round(medians[f"{step}, dagmesh"]["cpu_s"] / medians[f"{step}, plain"]["cpu_s"], 2) for step in ("load", "daily run")}
    found = {
        "products": asked.products,
        "machine": machine(),
        "load_average": os.getloadavg(),
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpu_ratios": ratios,
        "medians": medians,
        "rounds": rounds,
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"ratios": ratios, **medians}, indent=2))


def one_round(products: int) -> dict[str, dict[str, float]]:
    """Every step once, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-bench-"))
    try:
        write_mesh(folder, products)
        checks = subprocess.run([sys.executable, "-c", CHECKS], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        text = PLAIN.replace("CHECKS", checks).replace("PRODUCTS", str(products)).replace("DAY", DAY)
        (folder / "plain.py").write_text(text, encoding="utf-8")
        (folder / "instance").mkdir()
        return {
            "load, dagmesh": measured(folder, [sys.executable, "-c", LOAD]),
            "load, plain": measured(folder, [sys.executable, "plain.py"]),
            "daily run, dagmesh": measured(folder, [sys.executable, "-m", "dagmesh", "build", "--days", "1", "--to", DAY]),
            "daily run, plain": measured(folder, [sys.executable, "plain.py", str(folder / "instance")]),
        }
    finally:
        shutil.rmtree(folder)


def write_mesh(root: Path, products: int) -> None:
    """A mesh of one domain of so many products."""
    package = root / "domains" / "many" / "many"
    (package / "products").mkdir(parents=True)
    files = {"workspace.yaml": WORKSPACE, "domains/many/many/definitions.py": DEFINITIONS, "domains/many/many/sources.py": SOURCE}
    files |= {"domains/many/many/__init__.py": "", "domains/many/many/products/__init__.py": ""}
    files |= {f"domains/many/many/products/p{n:04}.py": PRODUCT.replace("NAME", f"p{n:04}") for n in range(products)}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")


def measured(folder: Path, command: list[str]) -> dict[str, Any]:
    """CPU, wall and peak memory of a command that must succeed."""
    began = perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, said = process.stderr, process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(said.decode()[-2000:])
    return {
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "wall_s": round(perf_counter() - began, 2),
        "peak_mb": used.ru_maxrss >> 10,
    }


if __name__ == "__main__":
    main()
