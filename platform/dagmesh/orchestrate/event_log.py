"""Dagster's SQLite event log with kept connections, and bursts of events written together.

Dagster opens and disposes a connection for every event. Here the few databases in use keep theirs: the index and the
latest runs. Events that come in bursts wait a moment for each other and are committed together, before any other event,
before anything is read, and by a timer when nothing follows. synchronous=NORMAL in WAL mode cannot corrupt; a power cut,
or a kill in that moment, may lose the last events of the log, which is not the truth (the signed publication is).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster._core.event_api import EventHandlerFn
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

from dagmesh.orchestrate.event_batch import comes_in_bursts, store

_KEPT = 8  # the index and the seven runs used last: a web server that reads thousands of runs must not keep them all open
_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_HELD = 0.2  # seconds an event waits for those after it: what a killed process has not written yet
_MOST_HELD = 1_000
_SETTLED = 0.1  # seconds after which a commit that was announced can be seen


@dataclass(frozen=True)
class _Kept:
    """An engine with its one connection, and the file that connection is to."""

    engine: Engine
    file: tuple[int, int]


class KeptSqliteEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log, one kept connection per database; for `event_log_storage` in dagster.yaml."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._inherited: list[OrderedDict[str, _Kept]] = []
        self._hold = threading.RLock()
        self._held: list[EventLogEntry] = []
        self._later = threading.Timer(0, self._write_held)
        self._pid = os.getpid()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> KeptSqliteEventLog:
        """The storage that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Make a run's tables, of the revision that the index has: to ask Alembic takes a tenth of a second."""
        revision = None if for_index_shard else self._revision()
        if revision is None:
            super()._initdb(engine, for_index_shard)
            return
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # another process may begin the same run's log
            SqlEventLogStorageMetadata.create_all(connection)
            connection.exec_driver_sql(_VERSIONS)
            if not connection.exec_driver_sql("SELECT 1 FROM alembic_version").first():
                connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (revision,))

    def _revision(self) -> str | None:
        """The revision of the index's tables; None when there are none yet."""
        index = self.path_for_shard(INDEX_SHARD_NAME)
        if not Path(index).exists():
            return None
        with closing(sqlite3.connect(index, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
        return str(row[0]) if row else None

    def store_event(self, event: EventLogEntry) -> None:
        """Write an event, with those held back before it; one that comes in a burst is held back for a moment itself."""
        self._leave_inherited()
        if not comes_in_bursts(event):
            self._write_held()
            super().store_event(event)
            return
        with self._hold:
            self._held.append(event)
            if len(self._held) == 1:
                self._later = threading.Timer(_HELD, self._write_held)
                self._later.daemon = True
                self._later.start()
        if len(self._held) >= _MOST_HELD:
            self._write_held()

    def _write_held(self) -> None:
        """Write what is held back; what cannot be written stays held."""
        with self._hold:
            if self._held:
                self._later.cancel()
                store(self, self._transaction, self._held)
                self._held = []

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction that sees everything stored before it."""
        self._leave_inherited()
        self._write_held()
        with self._transaction(shard) as connection:
            yield connection

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        """A transaction on the kept connection of a database; the shipped method makes the tables of a new one."""
        with self._db_lock:
            self._forget_replaced(shard)
        if shard not in self._initialized_dbs:
            with super()._connect(shard):
                pass
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _leave_inherited(self) -> None:
        """After a fork the parent's connections are neither used nor closed here: SQLite allows neither, so they are only held."""
        if self._pid != os.getpid():
            self._inherited.append(self._kept)
            self._kept = OrderedDict()
            self._db_lock = threading.Lock()
            self._hold, self._held = threading.RLock(), []
            self._pid = os.getpid()

    def _forget_replaced(self, shard: str) -> None:
        """A database deleted or put back by another process gets a new connection instead of writes into a dead file."""
        kept = self._kept.get(shard)
        if kept is not None and kept.file != file_of(self.path_for_shard(shard)):
            self._kept.pop(shard).engine.dispose()
            self._initialized_dbs.discard(shard)

    def _engine(self, shard: str) -> Engine:
        if shard not in self._kept:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},  # _db_lock serialises threads
            )
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
            self._kept[shard] = _Kept(engine, file_of(self.path_for_shard(shard)))
        self._kept.move_to_end(shard)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)[1].engine.dispose()
        return self._kept[shard].engine

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call back on each new event of a run, as the shipped method does, from the write-ahead log too."""
        observer: Any = self._obs or Observer()
        if self._obs is None:
            observer.start()
            self._obs = observer
        watchdog = _WriteAheadWatchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (watchdog, observer.schedule(watchdog, self._base_dir, recursive=True))

    def dispose(self) -> None:
        """Stop watching and close the connections this process opened; a later use opens new ones."""
        super().dispose()
        self._leave_inherited()
        self._write_held()
        with self._db_lock:
            for kept in self._kept.values():
                kept.engine.dispose()
            self._kept.clear()


class _WriteAheadWatchdog(SqliteEventLogStorageWatchdog):
    """Reads a run's new events when its database or its write-ahead log changes.

    The shipped one waits for the database file, which is written when the last connection closes: at the end of the run.
    """

    def __init__(self, event_log_storage: KeptSqliteEventLog, run_id: str, callback: EventHandlerFn, cursor: str | None) -> None:
        super().__init__(event_log_storage, run_id, callback, cursor)
        self._patterns = [self._log_path, f"{self._log_path}-wal"]
        self._reading = threading.Lock()
        self._later = threading.Timer(0, self._read)

    def on_modified(self, event: FileSystemEvent) -> None:
        self._read()
        # SQLite writes the log before the commit can be seen: the last write of a burst is looked at once more.
        self._later.cancel()
        self._later = threading.Timer(_SETTLED, self._read)
        self._later.daemon = True
        self._later.start()

    def _read(self) -> None:
        with self._reading:
            if self._cb in self._event_log_storage._watchers[self._run_id]:
                self._process_log()


def file_of(path: str) -> tuple[int, int]:
    """Which file a path leads to; (0, 0) when there is none."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
