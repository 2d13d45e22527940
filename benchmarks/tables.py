"""Tables of README.md and docs/performance.md that are made of the results: `python -m benchmarks.tables` writes each in its place.

A table stands between `<!-- NAME -->` and `<!-- /NAME -->`, NAME being the file of results it is made of. Those of the peers, which come
in several sizes, are `benchmarks.peers.report`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGES = (Path(__file__).parents[1] / "README.md", Path(__file__).parents[1] / "docs" / "performance.md")


def shop(found: dict[str, Any]) -> str:
    """Medians of the steps of benchmarks/shop.py."""
    rows = [f"| {step} | {f['cpu_s']:.1f} | {f['wall_s']:.1f} | {f['peak_mb']:,.0f} |" for step, f in found["medians"].items()]
    head = f"{found['orders']:,} orders over {found['days']} days | CPU s | wall s | peak MB"
    return "\n".join([f"| {head} |", "|---|---|---|---|", *rows])


def many_products(found: dict[str, Any]) -> str:
    """Medians of the steps of benchmarks/many_products.py, and how many times the peer's CPU seconds those of dagmesh are."""
    rows = [f"| {step} | {f['cpu_s']:.2f} | {f['wall_s']:.2f} | {f['peak_mb']:,.0f} |" for step, f in found["medians"].items()]
    ratios = [f"| ratio: {step} | {ratio:.2f}x | | |" for step, ratio in found["cpu_ratios"].items()]
    return "\n".join([f"| {found['products']} products | CPU s | wall s | peak MB |", "|---|---|---|---|", *rows, *ratios])


def many_domains(found: dict[str, Any]) -> str:
    """The steps of benchmarks/many_domains.py; of a running mesh wall seconds until every location answers, and its memory."""
    head = f"{found['domains']} domains of {found['products']} products"
    steps = [f"| {step} | {f['cpu_s']:.1f} | {f['wall_s']:.1f} | {f['peak_mb']:,.0f} |" for step, f in found["steps"].items()]
    up = found.get("up")
    started = [f"| up, until every location answers | | {up['ready_s']:.1f} | {up['pss_mb']:,.0f} |"] if up else []
    return "\n".join([f"| {head} | CPU s | wall s | peak MB |", "|---|---|---|---|", *steps, *started])


def long_history(found: dict[str, Any]) -> str:
    """Medians of a publication at each length of benchmarks/long_history.py, and how many times the shortest's each is."""
    shortest = next(iter(found["lengths"].values()))
    rows = [
        f"| {int(length):,} | {f['cpu_ms']:.1f} ({f['cpu_ms'] / shortest['cpu_ms']:.2f}x) | {f['wall_ms']:.1f} | {f['slowest']:.1f} |"
        for length, f in found["lengths"].items()
    ]
    return "\n".join(["| days of history | CPU ms | wall ms | slowest of them, wall ms |", "|---|---|---|---|", *rows])


def running(found: dict[str, Any]) -> str:
    """Starts, memory and clicks of benchmarks/running.py."""
    named = {"up, until every location answers, s": "ready_s", "memory, PSS, MB": "pss_mb", "click to published, s": "click_s"}
    rows = [f"| {name} | {median(found[of]):,.2f} | {min(found[of]):,.2f} to {max(found[of]):,.2f} |" for name, of in named.items()]
    return "\n".join(["| the demo, eight locations | median | from, to |", "|---|---|---|", *rows])


def audit(found: dict[str, Any]) -> str:
    """The audit's own table."""
    from benchmarks.audit import table

    return table(found["found"])


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "shop": shop,
    "many_products": many_products,
    "many_domains": many_domains,
    "long_history": long_history,
    "running": running,
    "audit": audit,
}


def with_tables(text: str) -> str:
    """The page with the tables it names."""

    def made(match: re.Match[str]) -> str:
        found = json.loads((RESULTS / f"{match['name']}.json").read_text(encoding="utf-8"))
        return f"{match['begin']}{TABLES[match['name']](found)}\n{match['end']}"

    names = "|".join(TABLES)
    return re.sub(rf"(?P<begin><!-- (?P<name>{names}) -->\n).*?(?P<end><!-- /(?P=name) -->)", made, text, flags=re.DOTALL)


def write_tables() -> None:
    """Write each table in its place."""
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_tables()
