"""Which data files this machine has seen the right content of, so that each is hashed once and again when it changes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dagmesh.lake.storage import State

_SECONDS = 30.0


@dataclass(frozen=True)
class CheckedFiles:
    """A note, in a small database of this machine, of each file's state when its content was last found right."""

    database: Path

    def known(self, table: str) -> dict[str, State]:
        """The state of each file of the table when it was checked; none where this machine cannot take notes."""
        if not self.database.exists() or not self._is_writable():
            return {}
        with closing(self._open()) as con:
            rows = con.execute("SELECT path, size, mark FROM checked WHERE folder = ?", [table]).fetchall()
        return {path: State(size, mark) for path, size, mark in rows}

    def note(self, table: str, states: Mapping[str, State]) -> None:
        """Remember that these files of the table are right as they are."""
        if not states or not self._is_writable():
            return
        rows = [(table, path, state.size, state.mark) for path, state in states.items()]
        with closing(self._open()) as con, con:
            con.executemany("INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?)", rows)

    def _is_writable(self) -> bool:
        """Whether notes can be taken: without them every file is hashed at each read, and reading still works."""
        folder = self.database.parent
        while not folder.exists():
            folder = folder.parent
        return os.access(folder, os.W_OK)

    def _open(self) -> sqlite3.Connection:
        self.database.parent.mkdir(parents=True, exist_ok=True)
        con = sqlite3.connect(self.database, timeout=_SECONDS)
        # Losing the note costs one more look at the files, so it need not survive a power cut.
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("PRAGMA synchronous = OFF")
        con.execute(
            "CREATE TABLE IF NOT EXISTS checked (folder TEXT, path TEXT, size INTEGER, mark TEXT, PRIMARY KEY (folder, path)) WITHOUT ROWID"
        )
        return con
