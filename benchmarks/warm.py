"""Measures one day more of the peers' mesh in a process that has imported everything. Usage: python -m benchmarks.warm [--orders 5000000]

That is a run in a worker of `dagmesh up`, which is forked from such a process; what is measured is the worker: it loads the domains, plans,
runs and publishes. The limit is measured whole, as it has nothing to import but DuckDB. Results go to benchmarks/results/warm.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measuring import Figures, machine, measured
from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.exports import write_exports
from benchmarks.peers.place import Place

import dagmesh.orchestrate.build as warmed_up

RESULTS = Path(__file__).parent / "results" / "warm.json"
DAYS = 50


def main() -> None:
    """Run the rounds and write the medians."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--orders", type=int, default=5_000_000, help="orders in all, over 50 days")
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="dagmesh-warm-") as folder:
        exports = Path(folder) / "exports"
        write_exports(exports, asked.orders, DAYS)
        rounds = [{name: one_day_more(name, exports, Path(folder) / name) for name in ("limit", "dagmesh")} for _ in range(asked.rounds)]
    medians = {name: {what: round(median(r[name][what] for r in rounds), 2) for what in rounds[0][name]} for name in rounds[0]}
    found = {
        "orders": asked.orders,
        "machine": machine(),
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "medians": medians,
        "rounds": rounds,
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(medians, indent=2), round(medians["dagmesh"]["cpu_s"] / medians["limit"]["cpu_s"], 2))


def one_day_more(name: str, exports: Path, folder: Path) -> Figures:
    """What the new day costs, everything before it being built."""
    place, contender = Place(folder, DAYS), CONTENDERS[name]
    place.hand_over(exports)
    contender.prepare(place, "full")
    commanded(contender, place, "full")
    place.hand_over_one_day_more(exports)
    found = forked(place, folder / "mesh") if name == "dagmesh" else commanded(contender, place, "one day more")
    shutil.rmtree(folder)
    return found


def commanded(contender: Contender, place: Place, step: str) -> Figures:
    """What a step costs in a process of its own."""
    command = contender.command(place, step)
    return measured(command.words, command.folder, command.environment)


def forked(place: Place, mesh: Path) -> Figures:
    """What a build costs in a fork of this process.

    Raises:
        SystemExit: it failed.
    """
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        os._exit(build(place, mesh))
    code = os.waitpid(child, 0)[1]
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"the build in a fork ended with {code}")
    return {"cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2), "wall_s": round(wall, 2)}


def build(place: Place, mesh: Path) -> int:
    """The exit code of building the newest day."""
    os.environ |= {"DAGMESH_HOME": str(place.folder), "DAGMESH_LAKE": ""}
    last = date.fromisoformat(place.last("one day more"))
    days = [last - timedelta(days=back) for back in reversed(range(place.days + 1))]
    ran = list(warmed_up.build_mesh(warmed_up.Mesh.find(mesh), days, (), lambda step: None))
    return int(not ran or not all(run.success for run in ran))


if __name__ == "__main__":
    main()
