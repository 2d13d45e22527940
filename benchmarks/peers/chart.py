"""The chart: CPU seconds of each contender, a group of bars a step, as an SVG that reads well on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 760, 240, 70
BAR, GAP, HEAD = 16, 8, 34
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .head { font-weight: 600 }
    .small { fill: #59636e }
    .bar { fill: #8c959f }
    .ours { fill: #0969da }
    .limit { fill: #57606a }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9198a1 }
      .bar { fill: #6e7681 }
      .ours { fill: #4493f8 }
      .limit { fill: #b1bac4 }
    }
"""


def chart(found: dict[str, Any]) -> str:
    """The whole SVG; each group has a scale of its own, from zero."""
    lines, y = [], 24
    title = f"CPU seconds to build the same mesh, {found['orders']:,} orders over {found['days']} days"
    lines.append(f'<text class="head" x="0" y="{y - 8}">{escape(title)}</text>')
    for step in found["medians"]["limit"]:
        y += HEAD
        lines.append(f'<text class="head" x="0" y="{y - 8}">{escape(step)}</text>')
        lines += _bars(found, step, y)
        y += len(found["medians"]) * (BAR + GAP)
    rounds = f"median of {len(found['rounds'])} rounds" if len(found["rounds"]) > 1 else "one round"
    said = f"{rounds}, {found['machine']['cpus']} CPUs, {found['measured_at']}"
    lines.append(f'<text class="small" x="0" y="{y + 22}">{escape(said)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 34}" width="{WIDTH}" height="{y + 34}" role="img">'
    body = "\n".join(f"  {line}" for line in lines)
    return f"{head}\n  <title>{escape(title)}</title>\n  <style>{STYLE}  </style>\n{body}\n</svg>\n"


def _bars(found: dict[str, Any], step: str, y: int) -> Iterator[str]:
    """A line of text, a bar and its number for each contender."""
    seconds = {name: steps[step]["cpu_s"] for name, steps in found["medians"].items()}
    most = max(seconds.values())
    for number, (name, cpu) in enumerate(seconds.items()):
        top = y + number * (BAR + GAP)
        length = max(round((WIDTH - LEFT - RIGHT) * cpu / most), 1)
        kind = {"dagmesh": "ours", "limit": "limit"}.get(name, "bar")
        shown = f"{cpu:.1f}" if cpu >= 1 else f"{cpu:.2f}"
        yield f'<text x="{LEFT - 10}" y="{top + 13}" text-anchor="end">{escape(found["contenders"][name]["title"])}</text>'
        yield f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{length}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LEFT + length + 6}" y="{top + 13}">{shown}</text>'
