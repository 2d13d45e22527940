"""Counts what a module looks at below the working directory while it runs, beside what it asks of DuckDB.

Usage: python -m benchmarks.looking FILE MODULE ARGUMENT... runs the module as `benchmarks.peers.counting` does and adds to its counts:
`files` opened and folders listed, `tables` (Delta tables opened), and `workspace` (how often workspace.yaml was read).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.peers import counting
from deltalake import DeltaTable

LOOKS = ("open", "os.listdir", "os.scandir")


def main() -> None:
    """Run the module, and add what was looked at to the counts in the file."""
    file, root = Path(sys.argv[1]), str(Path.cwd())
    looked: Counter[str] = Counter({"files": 0, "tables": 0, "workspace": 0})

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in LOOKS and str(arguments[0]).startswith(root):
            looked["workspace" if str(arguments[0]).endswith("workspace.yaml") else "files"] += 1

    init = DeltaTable.__init__

    def opened(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        looked["tables"] += 1
        init(self, *arguments, **named)

    DeltaTable.__init__ = opened  # type: ignore[method-assign]  # only to count
    sys.addaudithook(note)
    try:
        counting.main()
    finally:
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **looked}), encoding="utf-8")


if __name__ == "__main__":
    main()
