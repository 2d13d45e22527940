"""Measures the shop mesh: full build, one day more, nothing changed. Usage: python benchmarks/shop.py [--orders 5000000] [--rounds 1]

Each figure is of a whole process tree: CPU seconds (user and system), wall seconds, peak memory (sum of resident sets, sampled
every 50 ms). The results go to benchmarks/results/shop.json with the machine's description; the README's table is made of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import Figures, machine, measured  # noqa: E402  # after the path
from benchmarks.tables import shop, write_tables  # noqa: E402

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
    print(shop(found))
    write_tables()


def one_round(orders: int) -> dict[str, Figures]:
    """Every step once, in a mesh home of its own: 30 days, one day more, the same again."""
    home = Path(tempfile.mkdtemp(prefix="dagmesh-bench-"))
    try:
        write_exports(home, orders // DAYS, DAYS + 1)
        return {step: measured(words, ROOT, {"DAGMESH_HOME": str(home)}) for step, words in builds(DAYS).items()}
    finally:
        shutil.rmtree(home)


def write_exports(home: Path, orders_per_day: int, days: int) -> None:
    """The shop's exports of the days up to LAST."""
    asked = {"--out": f"{home}/exports", "--to": LAST, "--days": days, "--orders-per-day": orders_per_day}
    subprocess.run([sys.executable, "domains/shop.py", *(str(word) for pair in asked.items() for word in pair)], cwd=ROOT, check=True)


def builds(days: int) -> dict[str, list[str]]:
    """The command of each step."""
    words = [sys.executable, "-m", "dagmesh", "build", "--days", str(days), "--to"]
    last = {"full": LAST - timedelta(days=1), "one day more": LAST, "nothing changed": LAST}
    return {step: [*words, str(day)] for step, day in last.items()}


if __name__ == "__main__":
    main()
