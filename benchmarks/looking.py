"""Counts what a function, or a command of dagmesh, looks at below a folder, beside what it asks of DuckDB.

Each runs in a process of its own, forked from one that has imported everything: nothing is remembered from one to the next, and no time
is spent on imports. Counted is what `benchmarks.peers.counting` does, `files` opened and folders listed, `tables`
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
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.peers.counting import counted
from deltalake import DeltaTable

from dagmesh.cli import main

LOOKS = ("open", "os.listdir", "os.scandir")


def looked(root: Path, work: Callable[..., object], *arguments: object) -> Counter[str]:
    """The counts of the work, done in the folder `root`, whose mesh has its home in `.dagmesh`.

    Raises:
        AssertionError: it failed; with what it said.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.looking", "dagmesh.orchestrate.build", "pyarrow.parquet"])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_look, args=(root, work, arguments, theirs))
    process.start()
    theirs.close()
    said: Counter[str] | str = mine.recv()
    process.join()
    assert isinstance(said, Counter), f"{work.__name__}{arguments}: {said}"
    return said


def command(*words: str) -> None:
    """Run dagmesh with these words."""
    try:
        main(words)
    except SystemExit as ended:
        if ended.code:
            raise


def _look(root: Path, work: Callable[..., object], arguments: tuple[object, ...], answer: Connection) -> None:
    os.chdir(root)
    os.environ["DAGMESH_HOME"] = str(root / ".dagmesh")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            said: Counter[str] | str = _counts(root, work, arguments)
        except (Exception, SystemExit):  # noqa: BLE001 - said to the process that asked, which fails
            said = printed.getvalue() + traceback.format_exc()
    answer.send(said)


def _counts(root: Path, work: Callable[..., object], arguments: tuple[object, ...]) -> Counter[str]:
    looked_at: Counter[str] = Counter({"files": 0, "tables": 0, "workspace": 0})

    def note(event: str, about: tuple[Any, ...]) -> None:
        if event in LOOKS and str(about[0]).startswith(str(root)):
            looked_at["workspace" if str(about[0]).endswith("workspace.yaml") else "files"] += 1

    init = DeltaTable.__init__

    def opened(self: DeltaTable, *given: Any, **named: Any) -> None:
        looked_at["tables"] += 1
        init(self, *given, **named)

    DeltaTable.__init__ = opened  # type: ignore[method-assign]  # only to count
    sys.addaudithook(note)  # stays until the process ends
    with counted() as found:
        work(*arguments)
        looked_at.update(found())
    return looked_at
