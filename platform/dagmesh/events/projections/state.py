"""What a projection keeps between runs: the things folded so far and the position they are folded up to, in one DuckDB file.

Things and position change in one transaction: a crash neither loses nor doubles an event. The file can be lost: it is folded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.errors import ChainBroken
from dagmesh.events.durable import write_durably
from dagmesh.events.event import Head
from dagmesh.events.projections.folding import DAY, HASH, contributions, fold, merged, newest_day, with_day
from dagmesh.events.projections.rows import rows_sql
from dagmesh.events.relation import relation
from dagmesh.events.store import EventStore
from dagmesh.events.typed import quoted
from dagmesh.events.upcast import Types, Upcast
from dagmesh.model.projection import Projection

if TYPE_CHECKING:
    import duckdb

FILE, NOTE = "things.duckdb", "checkpoint.json"
Versions = Mapping[date | None, str]


@dataclass(frozen=True)
class Checkpoint:
    """How far a projection is folded.

    Args:
        position: of the newest event folded.
        hash: that event's, hexadecimal.
        newest: the day of the newest event that it is folded of; None: there is none.
        versions: for each day (None: of things without one) digits that change when its things do; the same things, the same digits.
    """

    position: int
    hash: str
    newest: date | None
    versions: Versions = field(default_factory=dict)

    def version(self, projection: Projection, days: Collection[date] = ()) -> str:
        """Digits that change when the product's rows of these days, or with none all its rows, may."""
        chosen = {day: self.versions.get(day, "") for day in days} or self.versions
        if projection.within and self.newest:
            first = self.newest.toordinal() - projection.within.count
            chosen = {day: v for day, v in self.versions.items() if day and first < day.toordinal() <= self.newest.toordinal()}
        return hashlib.sha256("\n".join(sorted(f"{day}={said}" for day, said in chosen.items())).encode()).hexdigest()[:16]

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """How far the state in a folder is, from a note beside it; None when there is none."""
        try:
            said = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        versions = {date.fromisoformat(day) if day else None: version for day, version in said["versions"].items()}
        return cls(said["position"], said["hash"], date.fromisoformat(said["newest"]) if said["newest"] else None, versions)

    def write(self, folder: Path) -> None:
        """Leave the note."""
        versions = {str(day or ""): version for day, version in self.versions.items()}
        said = {"position": self.position, "hash": self.hash, "newest": str(self.newest or ""), "versions": versions}
        write_durably(folder / NOTE, json.dumps(said).encode())


@dataclass(frozen=True)
class Definition:
    """A projection with all that decides its things: its domain's event types and upcasts, and the day its rows belong to."""

    projection: Projection
    partitioned_by: str | None
    types: Types
    upcasts: tuple[Upcast, ...] = ()

    @property
    def day(self) -> str | None:
        """SQL of a thing's day, over its columns."""
        return self.projection.day_of(self.partitioned_by)

    def digest(self) -> str:
        """Sixteen hexadecimal digits: another definition, another state, folded beside the old one."""
        used = {f"{name} {version}": kind.schema for (name, version), kind in self.types.items() if name in self.projection.entity.types}
        lifts = [(str(lift), dict(lift.fields), lift.code) for lift in self.upcasts if lift.type in self.projection.entity.types]
        said = [self.projection.definition(), self.day, used, lifts, version("duckdb")]  # whose hashes change between releases
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def relations(self, con: duckdb.DuckDBPyConnection, store: EventStore, after: int, until: int) -> dict[str, str]:
        """FROM-able events by type, after a position and up to another."""
        return {name: relation(con, store, name, after, until, self.upcasts) for name in self.projection.entity.types}


@dataclass(frozen=True)
class State:
    """A projection's things, attached to a connection as the database `alias`."""

    con: duckdb.DuckDBPyConnection
    definition: Definition
    folder: Path
    alias: str = "projected"

    @property
    def table(self) -> str:
        """The things."""
        return f"{self.alias}.things"

    def rows(self, columns: Collection[str], checkpoint: Checkpoint, days: Collection[date] | None = None) -> str:
        """FROM-able SQL of the product's rows, of these days or all; in order, so that the same rows are written as the same bytes."""
        return f"({rows_sql(self.definition.projection, columns, self.table, checkpoint.newest, days)} ORDER BY ALL)"

    def checkpoint(self) -> Checkpoint | None:
        """How far it is folded; None: not at all."""
        known = self.con.execute(
            f"SELECT 1 FROM duckdb_tables() WHERE database_name = '{self.alias}' AND table_name = 'checkpoint'"
        ).fetchall()
        found = self.con.execute(f"FROM {self.alias}.checkpoint").fetchall() if known else []
        if not found:
            return None
        [(position, hashed, newest)] = found
        versions = self.con.execute(f"FROM {self.alias}.versions WHERE things > 0").fetchall()
        return Checkpoint(position, hashed, newest, {day: f"{things}.{total % 2**64:016x}" for day, things, total in versions})

    def fold_to(self, store: EventStore, head: Head) -> Checkpoint:
        """Fold what came since, or everything; one transaction.

        Raises:
            ChainBroken: the store is not the one that this was folded from.
        """
        before = self.checkpoint()
        if before is not None:
            _same_store(store, before)
            if before.position >= head.position:
                return before
        after = before.position if before else 0
        relations = self.definition.relations(self.con, store, after, head.position)
        newest = max((day for day in (before and before.newest, newest_day(self.con, relations)) if day), default=None)
        self.con.execute("SET disabled_compression_methods = 'dict_fsst'")  # writing texts in it takes longer than all else
        self.con.execute("BEGIN")
        try:
            if before is None:
                self._rebuild(relations)
            else:
                self._advance(relations)
            self.con.execute(f"CREATE OR REPLACE TABLE {self.alias}.checkpoint(position BIGINT, hash VARCHAR, newest DATE)")
            self.con.execute(f"INSERT INTO {self.alias}.checkpoint VALUES (?, ?, ?)", [head.position, head.hash.hex(), newest])
            self.con.execute("COMMIT")
        except BaseException as error:
            if "Failed to commit" not in str(error):  # then it is rolled back already
                self.con.execute("ROLLBACK")
            raise
        finally:
            self.con.execute("RESET disabled_compression_methods")
        reached = self.checkpoint()
        assert reached is not None
        return reached

    def _folded(self, relations: Mapping[str, str]) -> str:
        entity = self.definition.projection.entity
        contributed = f"({contributions(entity, relations)})"
        described = self.con.execute(f"DESCRIBE FROM {contributed}").fetchall()
        nested = [name for name, kind, *_ in described if kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))]
        return fold(entity, contributed, [name for name in nested if name in entity.columns])

    def _with_day(self, table: str) -> str:
        keys = ", ".join(quoted(name) for name in self.definition.projection.entity.key)
        return f"SELECT *, hash({keys}) AS {HASH} FROM ({with_day(self.definition.projection.entity, self.definition.day, table)})"

    def _rebuild(self, relations: Mapping[str, str]) -> None:
        made = self._with_day(f"({self._folded(relations)})")
        self.con.execute(f"CREATE OR REPLACE TABLE {self.table} AS {made}")
        self.con.execute(
            f"CREATE OR REPLACE TABLE {self.alias}.versions AS "
            f"SELECT {DAY} AS day, count(*) AS things, sum(hash(t))::HUGEINT AS total FROM {self.table} t GROUP BY ALL"
        )

    def _advance(self, relations: Mapping[str, str]) -> None:
        keys = ", ".join(quoted(name) for name in self.definition.projection.entity.key)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE folded_new AS {self._folded(relations)}")
        # First which rows they are, by a column of eight bytes, then these rows: else every row's columns would be read.
        hashes = f"(SELECT DISTINCT hash({keys}) AS {HASH} FROM folded_new)"
        rows = f"SELECT t.rowid FROM {self.table} t JOIN {hashes} USING ({HASH})"
        touched = f"(SELECT rowid AS its_row, * FROM {self.table} WHERE rowid IN ({rows})) SEMI JOIN folded_new USING ({keys})"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE things_before AS FROM {touched}")
        both = merged(self.definition.projection.entity, "things_before", "folded_new")
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE things_after AS {self._with_day(f'({both})')}")
        self.con.execute(f"DELETE FROM {self.table} WHERE rowid IN (SELECT its_row FROM things_before)")
        self.con.execute(f"INSERT INTO {self.table} FROM things_after")
        before = f"SELECT {DAY} AS day, -count(*), -sum(hash(t))::HUGEINT FROM (SELECT * EXCLUDE its_row FROM things_before) t GROUP BY ALL"
        after = f"SELECT {DAY} AS day, count(*), sum(hash(t))::HUGEINT FROM things_after t GROUP BY ALL"
        changed = f"(FROM {self.alias}.versions UNION ALL {before} UNION ALL {after})"
        summed = "sum(things)::BIGINT AS things, sum(total)::HUGEINT AS total"
        self.con.execute(f"CREATE OR REPLACE TABLE {self.alias}.versions AS SELECT day, {summed} FROM {changed} GROUP BY ALL")
        for table in ("folded_new", "things_before", "things_after"):
            self.con.execute(f"DROP TABLE {table}")


def _same_store(store: EventStore, before: Checkpoint) -> None:
    """Nothing, when the store has the event that the state was folded up to."""
    if before.position == 0:
        return
    found = store.hash_at(before.position)
    if found is None or found.hex() != before.hash:
        what = "is not there any more" if found is None else "is another one now"
        raise ChainBroken(
            f"{store.path}: event {before.position}, up to which a projection was folded, {what}. If the store was put back from a "
            "backup on purpose, fold it again: dagmesh replay <product>",
            position=before.position,
        )


def advance(state: State, store: EventStore) -> Checkpoint:
    """The checkpoint, now the store's head, noted beside the state for those who only look."""
    reached = state.fold_to(store, store.head())
    if Checkpoint.read(state.folder) != reached:
        reached.write(state.folder)
    return reached
