"""Measures one domain of many small products against the same assets in plain Dagster.

Usage: python benchmarks/many_products.py [--products 1000] [--rounds 1]

Each product has five rules, reads one private table and publishes a hundred rows a day. Peers in plain Dagster: "plain" has the same
assets, a file each, with the same checks, description, owner, tags, columns and freshness; "bare" has assets that do nothing and have
as many checks. Steps: load the code location with nothing published and with everything, one daily run of everything, `dagmesh list`
and `show`. Figures are of whole processes, imports included; results go to benchmarks/results/many_products.json.
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

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import Figures, machine, measured  # noqa: E402  # after the path
from benchmarks.tables import many_products, write_tables  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "many_products.json"
DAY = "2026-11-19"
MODULE = "{module_name: DOMAIN.definitions, attribute: defs, working_directory: domains/DOMAIN, location_name: DOMAIN}"
LOCATION = f"  - python_module: {MODULE}\n"
DEFINITIONS = 'import dagmesh as dm\n\ndefs = dm.domain("DOMAIN", owner="team:DOMAIN", ready_at="00:00")\n'
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
BARE = """
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
PLAIN_SHARED = """
import dagster as dg

DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="UTC")
WEEK = dg.FreshnessPolicy.time_window(fail_window=__import__("datetime").timedelta(hours=48))
"""
PLAIN_FILE = """
import dagster as dg
from plain_assets import shared

KEY = dg.AssetKey(["many", "NAME_v1"])
CHECKS = CHECKS_SAID


@dg.multi_asset(
    name="NAME_v1",
    specs=[
        dg.AssetSpec(
            KEY,
            deps=[dg.AssetKey(["many", "numbers"])],
            description="Numbers of a kind, a day at a time.",
            group_name="many",
            owners=["team:many"],
            tags={"class/internal": ""},
            kinds={"deltalake", "duckdb"},
            code_version="1.0.0",
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[
                        dg.TableColumn("day", "DATE", description="UTC day."),
                        dg.TableColumn("number", "BIGINT", description="The number."),
                        dg.TableColumn("weight", "BIGINT", description="What it weighs."),
                    ]
                )
            },
            partitions_def=shared.DAYS,
            freshness_policy=shared.WEEK,
        )
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=KEY, description=text, blocking=True) for name, text in CHECKS],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def NAME(context: dg.AssetExecutionContext):
    yield dg.MaterializeResult(KEY)
"""
PLAIN_LOAD = """
import dagster as dg
import plain_assets

assets = dg.load_assets_from_package_module(plain_assets)
dg.Definitions(assets=assets, executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()
"""
LOAD = """
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.definitions import definitions

definitions(Mesh.find().location("many").load()).resolve_implicit_global_asset_job_def()
"""
CHECKS = """
import json
from dagmesh.audit.report import check_names
from dagmesh.model.mesh import Mesh
from dagmesh.orchestrate.expectation_checks import OTHERS

print(json.dumps([*check_names(Mesh.find().location("many").load().products[0]), [OTHERS, "what others rely on"]]))
"""
LOADS = {"dagmesh": ["-c", LOAD], "plain": ["-c", PLAIN_LOAD], "bare": ["bare.py"]}
COMMANDS = {
    "list": ["-m", "dagmesh", "list"],
    "show": ["-m", "dagmesh", "show", "many.p0000"],
    "board": ["-m", "dagmesh", "board"],
    "help": ["-m", "dagmesh", "--help"],
    "check": ["-m", "dagmesh", "check"],
    "plan of what is new": ["-m", "dagmesh", "plan", "--days", "2", "--to", "2026-11-20"],
}
TURNS = 5
RATIOS = {"load": "load, plain", "load, by bare assets": "load, bare", "load, published": "load, plain", "daily run": "daily run, bare"}


def main() -> None:
    """Run the rounds, in turns, and write the medians."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--products", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=1)
    asked = arguments.parse_args()
    rounds = [one_round(asked.products) for _ in range(asked.rounds)]
    medians = {step: {f: statistics.median(r[step][f] for r in rounds) for f in rounds[0][step]} for step in rounds[0]}
    ratios = {step: ratio(medians, step, peer) for step, peer in RATIOS.items()}
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
    print(many_products(found))
    write_tables()


def ratio(medians: dict[str, Figures], step: str, peer: str) -> float:
    """CPU seconds of dagmesh by those of a peer."""
    return round(medians[f"{step.partition(', by')[0]}, dagmesh"]["cpu_s"] / medians[peer]["cpu_s"], 2)


def one_round(products: int) -> dict[str, Figures]:
    """Every step in a folder of its own; the loads in turns, after one that is not counted: Python compiles the files of both."""
    folder = Path(tempfile.mkdtemp(prefix="dagmesh-bench-"))
    try:
        write_mesh(folder, products)
        write_peers(folder, products)
        steps = {f"load, {who}": figures for who, figures in loaded(folder, LOADS).items()}
        run(folder, ["-m", "dagmesh", "lock"])  # what `check` wants
        steps["daily run, dagmesh"] = run(folder, ["-m", "dagmesh", "build", "--days", "1", "--to", DAY])
        steps |= {f"load, published, {who}": figures for who, figures in loaded(folder, {"dagmesh": LOADS["dagmesh"]}).items()}
        steps |= {f"{name}, dagmesh": figures for name, figures in loaded(folder, COMMANDS).items()}
        steps["daily run, bare"] = run(folder, ["bare.py", str(folder / "instance")])
        return steps
    finally:
        shutil.rmtree(folder)


def loaded(folder: Path, commands: dict[str, list[str]]) -> dict[str, Figures]:
    """The medians of what comes after the first of some runs of each, in turns."""
    turns = [{name: run(folder, words) for name, words in commands.items()} for _ in range(1 + TURNS)][1:]
    return {name: {f: statistics.median(turn[name][f] for turn in turns) for f in turns[0][name]} for name in commands}


def write_peers(folder: Path, products: int) -> None:
    """The same assets in plain Dagster, a file each with what dagmesh tells Dagster of a product; and bare ones, with the checks alone."""
    said = subprocess.run([sys.executable, "-c", CHECKS], cwd=folder, check=True, capture_output=True, text=True).stdout
    bare = BARE.replace("CHECKS", str(len(json.loads(said)))).replace("PRODUCTS", str(products)).replace("DAY", DAY)
    (folder / "bare.py").write_text(bare, encoding="utf-8")
    (folder / "instance").mkdir()
    (folder / "plain_assets").mkdir()
    plain = {f"p{n:04}": PLAIN_FILE.replace("NAME", f"p{n:04}").replace("CHECKS_SAID", said.strip()) for n in range(products)}
    for name, text in {"__init__": "", "shared": PLAIN_SHARED, **plain}.items():
        (folder / "plain_assets" / f"{name}.py").write_text(text, encoding="utf-8")


def write_mesh(root: Path, products: int, domains: tuple[str, ...] = ("many",)) -> None:
    """A mesh of some domains of so many products each."""
    files = {"workspace.yaml": "load_from:\n" + "".join(LOCATION.replace("DOMAIN", name) for name in domains)}
    for domain in domains:
        package = f"domains/{domain}/{domain}"
        files |= {f"{package}/{name}": "" for name in ("__init__.py", "products/__init__.py")}
        files |= {f"{package}/definitions.py": DEFINITIONS.replace("DOMAIN", domain), f"{package}/sources.py": SOURCE}
        files |= {f"{package}/products/p{n:04}.py": PRODUCT.replace("NAME", f"p{n:04}") for n in range(products)}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def run(folder: Path, words: list[str]) -> Figures:
    """CPU, wall and peak memory of Python with these words, which must succeed; what it compiles is kept."""
    return measured([sys.executable, *words], folder, {"PYTHONDONTWRITEBYTECODE": ""}, folder / "log")


if __name__ == "__main__":
    main()
