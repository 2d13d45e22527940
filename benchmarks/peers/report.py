"""What people see of the results: the tables in README.md and docs/performance.md, and the chart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.peers.chart import chart
from benchmarks.peers.place import ROOT

RESULTS = ROOT / "benchmarks" / "results"
CHART = ROOT / "docs" / "images" / "peers.svg"
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
_MARKED = re.compile(r"(<!-- peers (?P<orders>\d+) -->\n).*?(<!-- /peers -->)", re.DOTALL)
Results = dict[str, Any]


def write_report() -> None:
    """Write the chart, and each table in its place."""
    CHART.write_text(chart(charted()), encoding="utf-8")
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


def charted() -> Results:
    """The results with the most contenders, of those the largest size."""
    return max((_read(path) for path in RESULTS.glob("peers_*.json")), key=lambda found: (len(found["contenders"]), found["orders"]))


def with_tables(text: str) -> str:
    """The page with the table of each size it names between `<!-- peers ORDERS -->` and `<!-- /peers -->`."""
    return _MARKED.sub(lambda match: match[1] + table(_read(RESULTS / f"peers_{match['orders']}.json")) + match[3], text)


def table(found: Results) -> str:
    """The medians as a Markdown table: CPU seconds and their ratio to the limit's, then wall seconds and peak memory."""
    steps = list(found["medians"]["limit"])
    heads = [
        f"{found['orders']:,} orders over {found['days']} days",
        *(f"{step}, CPU s" for step in steps),
        "full, wall s",
        "full, peak MB",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, medians in found["medians"].items():
        cells = [found["contenders"][name]["title"], *(_against_limit(found, name, step) for step in steps)]
        cells += [f"{medians['full']['wall_s']:.1f}", f"{medians['full']['peak_mb']:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _against_limit(found: Results, name: str, step: str) -> str:
    cpu, limit = (found["medians"][who][step]["cpu_s"] for who in (name, "limit"))
    ratio = f" ({cpu / limit:.1f}x)" if name != "limit" else ""
    return f"{cpu:.1f}{ratio}" if cpu >= 1 else f"{cpu:.2f}{ratio}"


def _read(path: Path) -> Results:
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found
