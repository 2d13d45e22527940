"""Dagster's SQLite run storage with a kept connection: the shipped one makes an engine and opens the file for every statement."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

from dagmesh.orchestrate.event_log import file_of


class KeptSqliteRunStorage(SqliteRunStorage):
    """Dagster's SQLite runs with one kept connection, and more while several threads ask; for `run_storage` in dagster.yaml."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine: Engine | None = None
        self._inherited: list[Engine] = []
        self._of = (0, (0, 0))
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> KeptSqliteRunStorage:
        """The storage that dagster.yaml describes."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction on a kept connection."""
        with self._kept().begin() as connection:
            yield connection

    def _kept(self) -> Engine:
        """The engine of this process and of the file that is there now.

        After a fork the parent's connections are neither used nor closed here: SQLite allows neither, so they are only held.
        """
        now = (os.getpid(), file_of(self._conn_string.removeprefix("sqlite:///")))
        if self._engine is None or self._of != now:
            if self._engine is not None and self._of[0] != now[0]:
                self._inherited.append(self._engine)
            elif self._engine is not None:
                self._engine.dispose()
            self._engine, self._of = _engine(self._conn_string), now
        return self._engine

    def dispose(self) -> None:
        """Close the connections this process opened; a later use opens new ones."""
        if self._engine is not None and self._of[0] == os.getpid():
            self._engine.dispose()


def _engine(conn_string: str) -> Engine:
    return create_engine(
        conn_string,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=-1,  # as many as ask at once; one is kept
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},  # one thread at a time has it
    )
