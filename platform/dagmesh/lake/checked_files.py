"""Which data files this machine has seen the right content of, so that each is hashed once and again when it changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dagmesh.lake.owner_only import is_writable
from dagmesh.lake.storage import State

_SECONDS = 30.0


@dataclass(frozen=True)
class CheckedFiles:
    """A note, in a small database of this machine, of each file's state when its content was last found right.

    Where notes cannot be taken every file is hashed at each read, and reading still works.
    """

    database: Path

    def known(self, table: str, paths: Iterable[str]) -> dict[str, State]:
        """The state of each of these files of the table when it was checked; none where this machine cannot take notes."""
        if not self.database.exists() or not is_writable(self.database.parent):
            return {}
        with closing(self._open()) as con:
            query = "SELECT path, size, mark FROM checked WHERE folder = ? AND path IN (SELECT value FROM json_each(?))"
            rows = con.execute(query, [table, json.dumps([*paths])]).fetchall()
        return {path: State(size, mark) for path, size, mark in rows}

    def note(self, table: str, states: Mapping[str, State]) -> None:
        """Remember that these files of the table are right as they are."""
        if not states or not is_writable(self.database.parent):
            return
        rows = [(table, path, state.size, state.mark) for path, state in states.items()]
        with closing(self._open()) as con, con:
            con.executemany("INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?)", rows)

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
