"""The kept run storage: runs of forks and other processes are there, a database put back is opened again, one file opened once."""

import inspect
import os
import sqlite3
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.runs import SqliteRunStorage

from dagmesh.orchestrate.run_storage import KeptSqliteRunStorage


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[KeptSqliteRunStorage]:
    storage = KeptSqliteRunStorage.from_config_value(None, {"base_dir": str(tmp_path)})
    yield storage
    storage.dispose()


def added(storage: SqliteRunStorage, count: int = 1) -> set[str]:
    return {storage.add_run(DagsterRun("job")).run_id for _ in range(count)}


def ids(storage: SqliteRunStorage) -> set[str]:
    return {run.run_id for run in storage.get_runs()}


def test_dagster_still_connects_the_way_this_class_overrides() -> None:
    expected = """
    @contextmanager
    def connect(self) -> Iterator[Connection]:
        engine = create_engine(self._conn_string, poolclass=NullPool)
        with engine.connect() as conn:
            with conn.begin():
                yield conn
    """

    assert textwrap.dedent(inspect.getsource(inspect.unwrap(SqliteRunStorage.connect))).strip() == textwrap.dedent(expected).strip()


def test_the_file_is_opened_once_however_much_is_asked(runs: KeptSqliteRunStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = []
    connect = sqlite3.dbapi2.connect
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *given, **named: connections.append(connect(*given, **named)) or connections[-1])
    runs.dispose()

    made = added(runs, 5)

    assert ids(runs) == made
    assert len(connections) == 1


def test_the_shipped_storage_reads_what_is_recorded_here_and_the_other_way_round(tmp_path: Path, runs: KeptSqliteRunStorage) -> None:
    shipped = SqliteRunStorage.from_local(str(tmp_path))

    made = added(runs) | added(shipped)

    assert ids(runs) == ids(shipped) == made


def test_threads_record_runs_at_the_same_time(runs: KeptSqliteRunStorage) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = set().union(*pool.map(lambda _: added(runs, 5), range(4)))

    assert len(made) == 20
    assert ids(runs) == made


def test_a_fork_and_its_parent_both_go_on_recording(runs: KeptSqliteRunStorage) -> None:
    before = added(runs)

    child = os.fork()
    if child == 0:
        os._exit(0 if ids(runs) == before and added(runs) else 1)
    _, status = os.waitpid(child, 0)
    after = added(runs)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(ids(runs)) == 3
    assert before | after < ids(runs)


def test_a_database_that_was_put_back_is_opened_again(tmp_path: Path, runs: KeptSqliteRunStorage) -> None:
    old = added(runs)
    with sqlite3.connect(tmp_path / "runs.db") as con:
        con.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    con.close()
    added(runs)

    (tmp_path / "backup.db").replace(tmp_path / "runs.db")

    assert ids(runs) == old
