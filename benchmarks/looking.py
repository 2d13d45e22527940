"""Counts what a command of dagmesh looks at below its mesh's folder, beside what it asks of DuckDB.

`looked` runs a command in a process of its own, forked from one that has imported everything: what is remembered in a process is not
there, what is slow about a process is. It counts what `benchmarks.peers.counting` does, `files` opened and folders listed, `tables`
(Delta tables opened), and `workspace` (how often workspace.yaml was read).
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.peers.counting import counted
from deltalake import DeltaTable

from dagmesh.cli import main

LOOKS = ("open", "os.listdir", "os.scandir")
Said = Counter[str] | str


def looked(root: Path, words: Sequence[str]) -> Counter[str]:
    """The counts of a command in the mesh at `root`, whose home is its `.dagmesh`.

    Raises:
        AssertionError: the command failed; with what it said.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.looking", "dagmesh.orchestrate.build", "pyarrow.parquet"])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_look, args=(root, list(words), theirs))
    process.start()
    theirs.close()
    said: Said = mine.recv()
    process.join()
    assert isinstance(said, Counter), f"dagmesh {' '.join(words)}: {said}"
    return said


def _look(root: Path, words: list[str], answer: Connection) -> None:
    os.chdir(root)
    os.environ["DAGMESH_HOME"] = str(root / ".dagmesh")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            said: Said = _counts(root, words)
        except (Exception, SystemExit):
            said = printed.getvalue() + traceback.format_exc()
    answer.send(said)


def _counts(root: Path, words: list[str]) -> Counter[str]:
    looked_at: Counter[str] = Counter({"files": 0, "tables": 0, "workspace": 0})

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in LOOKS and str(arguments[0]).startswith(str(root)):
            looked_at["workspace" if str(arguments[0]).endswith("workspace.yaml") else "files"] += 1

    init = DeltaTable.__init__

    def opened(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        looked_at["tables"] += 1
        init(self, *arguments, **named)

    DeltaTable.__init__ = opened  # type: ignore[method-assign]  # only to count
    sys.addaudithook(note)  # stays until the process ends
    with counted() as found:
        try:
            main(words)
        except SystemExit as ended:
            if ended.code:
                raise
        looked_at.update(found())
    return looked_at
