"""Builds one mesh with dagmesh, with a bare DuckDB script and with its peers, and compares what that costs.

Each contender builds all days, then one day more, then again with nothing new; rounds are interleaved, results are held
to be equal after every build, figures are medians of whole process trees. They go to benchmarks/results/peers_<orders>.json; tables in
README.md and docs/performance.md and the chart in docs/images/ are made of those files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.measuring import Figures, machine, measured
from benchmarks.peers.contenders import CONTENDERS, STEPS, Contender
from benchmarks.peers.equality import Digests, differences, digests
from benchmarks.peers.exports import write_exports
from benchmarks.peers.place import Place
from benchmarks.peers.report import RESULTS, write_report

DAYS = 50
Round = dict[str, dict[str, Figures]]


def main() -> None:
    """Run the rounds, write the results and what is made of them."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    arguments.add_argument("--orders", type=int, default=500_000, help="orders in all, over 50 days")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="WHO", help=", ".join(CONTENDERS))
    asked = arguments.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # who compiles every module at every start is measured wrong
    chosen = [CONTENDERS[name] for name in dict.fromkeys(["limit", *asked.only])]
    for contender in chosen:
        contender.install()
    rounds, loads = list[Round](), list[float]()
    for load, figures in rounds_of(chosen, asked.orders, asked.rounds):
        rounds.append(figures)
        loads.append(load)
        found = {
            "orders": asked.orders,
            "days": DAYS,
            "machine": machine(),
            "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
            "load_before_each_round": loads,
            "contenders": {contender.name: {"title": contender.title, "pins": contender.pins} for contender in chosen},
            "medians": medians(rounds),
            "rounds": rounds,
        }
        # After each round, so that a run that is stopped keeps those it made.
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"peers_{asked.orders}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    write_report()


def rounds_of(chosen: Sequence[Contender], orders: int, rounds: int) -> Iterator[tuple[float, Round]]:
    """For each round the machine's load before it, and the figures by contender and step."""
    with tempfile.TemporaryDirectory(prefix="dagmesh-peers-") as folder:
        exports = Path(folder) / "exports"
        write_exports(exports, orders, DAYS)
        for _ in range(rounds):
            load = round(os.getloadavg()[0], 1)
            yield load, one_round(chosen, exports, Path(folder) / "round")


def one_round(chosen: Sequence[Contender], exports: Path, folder: Path) -> Round:
    """Every contender once, in a place of its own; the first says what the rows are."""
    wanted: dict[str, Digests] = {}
    figures: Round = {}
    for contender in chosen:
        place = Place(folder / contender.name, DAYS)
        figures[contender.name] = built(contender, place, exports, wanted)
        shutil.rmtree(place.folder)
    return figures


def built(contender: Contender, place: Place, exports: Path, wanted: dict[str, Digests]) -> dict[str, Figures]:
    """The figures of each step. `wanted` are the rows that there are after a step; who comes first adds them.

    Raises:
        SystemExit: a build failed, or made other rows than the first contender's.
    """
    place.hand_over(exports)
    figures = {}
    for step in STEPS:
        if step == "one day more":
            place.hand_over_one_day_more(exports)
        contender.prepare(place, step)
        command = contender.command(place, step)
        log = Path(tempfile.gettempdir()) / f"dagmesh-peers-{contender.name}.log"
        os.sync()  # what others wrote is not written during this
        figures[step] = measured(command.words, command.folder, command.environment, log)
        print(f"{contender.name:15} {step:16} {figures[step]}", file=sys.stderr, flush=True)
        rows = digests(contender, place)
        apart = differences(wanted.setdefault(step, rows), rows)
        if apart:
            raise SystemExit(f"{contender.name}, {step}: not the rows of the others: {'; '.join(apart)}. See {log}.")
    return figures


def medians(rounds: Sequence[Round]) -> Round:
    """The median of each figure, by contender and step."""

    def middle(name: str, step: str) -> Figures:
        return {what: round(median(one[name][step][what] for one in rounds), 2) for what in rounds[0][name][step]}

    return {name: {step: middle(name, step) for step in steps} for name, steps in rounds[0].items()}


if __name__ == "__main__":
    main()
