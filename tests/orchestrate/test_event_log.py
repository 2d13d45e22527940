"""The kept event log: nothing lost between processes and forks, live watching, and an alarm when Dagster changes."""

import inspect
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage, SqliteEventLogStorageWatchdog
from sqlalchemy.engine import Connection

from dagmesh.orchestrate.event_log import KeptSqliteEventLog
from dagmesh.orchestrate.instance import install
from dagmesh.orchestrate.run_days import range_tags

RUN = "11111111-2222-3333-4444-555555555555"
WRITER = """
import sys, time
from dagmesh.orchestrate.event_log import KeptSqliteEventLog
from dagster._core.events.log import EventLogEntry

def write(log, run, name, count):
    for number in range(count):
        log.store_event(EventLogEntry(error_info=None, level=10, user_message=f"{name} {number}", run_id=run,
                                      timestamp=time.time(), step_key=None, job_name="job"))
"""


def entry(message: str, run: str = RUN) -> EventLogEntry:
    return EventLogEntry(error_info=None, level=10, user_message=message, run_id=run, timestamp=time.time(), step_key=None, job_name="job")


def messages(log: SqliteEventLogStorage, run: str = RUN) -> list[str]:
    return [event.user_message for event in log.get_logs_for_run(run)]


def write_and_fail(log: SqliteEventLogStorage) -> None:
    with log.run_connection(RUN) as connection:
        connection.execute(log.prepare_insert_event(entry("lost")))
        raise ZeroDivisionError


@pytest.fixture
def log(tmp_path: Path) -> Iterator[KeptSqliteEventLog]:
    log = KeptSqliteEventLog(str(tmp_path))
    yield log
    log.dispose()


def test_dagster_still_connects_the_way_this_class_overrides() -> None:
    expected = """
    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            check.str_param(shard, "shard")

            conn_string = self.conn_string_for_shard(shard)
            engine = create_engine(
                conn_string,
                poolclass=NullPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )

            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)

            with engine.connect() as conn:
                with conn.begin():
                    yield conn
            engine.dispose()

    def run_connection(self, run_id: str | None = None) -> Any:
        return self._connect(run_id)  # type: ignore  # bad sig

    def index_connection(self) -> ContextManager[Connection]:
        return self._connect(INDEX_SHARD_NAME)
    """
    methods = [vars(SqliteEventLogStorage)[name] for name in ("_connect", "run_connection", "index_connection")]
    found = "\n".join(inspect.getsource(inspect.unwrap(method)) for method in methods)

    assert textwrap.dedent(found).strip() == textwrap.dedent(expected).strip()


def test_dagster_still_watches_the_way_this_class_overrides() -> None:
    expected_watch = """
    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        if not self._obs:
            self._obs = Observer()
            self._obs.start()

        watchdog = SqliteEventLogStorageWatchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (
            watchdog,
            self._obs.schedule(watchdog, self._base_dir, recursive=True),
        )
    """
    expected_modified = """
    def on_modified(self, event: FileSystemEvent) -> None:
        check.invariant(event.src_path == self._log_path)
        self._process_log()
    """

    assert textwrap.dedent(inspect.getsource(SqliteEventLogStorage.watch)).strip() == textwrap.dedent(expected_watch).strip()
    assert (
        textwrap.dedent(inspect.getsource(SqliteEventLogStorageWatchdog.on_modified)).strip() == textwrap.dedent(expected_modified).strip()
    )


def test_events_written_by_two_processes_are_all_there(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    program = WRITER + f"write(KeptSqliteEventLog(sys.argv[1]), {RUN!r}, sys.argv[2], 200)"

    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in ("first", "second")]
    assert [writer.wait(60) for writer in writers] == [0, 0]

    assert sorted(messages(log)) == sorted(f"{name} {number}" for name in ("first", "second") for number in range(200))


def test_a_forked_child_writes_beside_its_parent(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    program = WRITER + textwrap.dedent(f"""
        import os
        log = KeptSqliteEventLog(sys.argv[1])
        write(log, {RUN!r}, "before", 1)
        child = os.fork()
        write(log, {RUN!r}, "parent" if child else "child", 200)
        if child:
            assert os.waitpid(child, 0)[1] == 0
            write(log, {RUN!r}, "after", 1)
        else:
            log.dispose()
            os._exit(0)
    """)

    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)

    expected = ["before 0", *(f"{name} {number}" for name in ("parent", "child") for number in range(200)), "after 0"]
    assert sorted(messages(log)) == sorted(expected)


def test_a_child_forked_while_a_thread_is_writing_does_not_hang(tmp_path: Path) -> None:
    program = WRITER + textwrap.dedent(f"""
        import os, threading
        log = KeptSqliteEventLog(sys.argv[1])
        with log.run_connection({RUN!r}):
            child = os.fork()
            if not child:
                write(log, "other", "child", 1)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """)

    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)


def test_a_live_run_is_seen_event_by_event(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    program = WRITER + f"log = KeptSqliteEventLog(sys.argv[1]); write(log, {RUN!r}, 'live', 1); sys.stdin.read()"
    seen = threading.Event()
    log.store_event(entry("the run exists"))
    log.watch(RUN, None, lambda event, _: seen.set() if event.user_message == "live 0" else None)

    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE) as writer:
        noticed = seen.wait(30)
        still_open = writer.poll() is None

    assert noticed
    assert still_open


def test_a_deleted_log_is_started_anew(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    log.store_event(entry("old"))
    for file in tmp_path.glob(f"{RUN}.db*"):
        file.unlink()

    log.store_event(entry("new"))

    assert messages(log) == ["new"]
    assert (tmp_path / f"{RUN}.db").exists()


def test_a_reader_of_many_runs_keeps_few_files_open(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    for number in range(12):
        log.store_event(entry("one", f"run-{number}"))

    assert [messages(log, f"run-{number}") for number in range(12)] == [["one"]] * 12
    opened = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert len([name for name in opened if name.startswith(str(tmp_path)) and name.endswith(".db")]) <= 8


def test_a_failed_transaction_leaves_nothing_and_the_connection_usable(log: KeptSqliteEventLog) -> None:
    log.store_event(entry("kept"))

    with pytest.raises(ZeroDivisionError):
        write_and_fail(log)
    log.store_event(entry("also kept"))

    assert messages(log) == ["kept", "also kept"]


def test_a_run_recorded_here_is_read_by_the_shipped_storage(tmp_path: Path) -> None:
    settings = (
        f"event_log_storage: {{module: dagmesh.orchestrate.event_log, class: KeptSqliteEventLog, config: {{base_dir: {tmp_path}/runs}}}}"
    )
    (tmp_path / "dagster.yaml").write_text(settings)
    program = textwrap.dedent("""
        import sys
        import dagster as dg

        @dg.asset(check_specs=[dg.AssetCheckSpec("positive", asset="numbers")])
        def numbers():
            return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

        with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
            result = dg.materialize([numbers], instance=instance)
            print(result.run_id)
    """)

    run_id = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True).stdout.split()[-1]

    logs = SqliteEventLogStorage(str(tmp_path / "runs")).get_logs_for_run(run_id)
    kinds = [event.dagster_event.event_type_value for event in logs if event.dagster_event]
    assert {"PIPELINE_START", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION", "PIPELINE_SUCCESS"} <= set(kinds)


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_a_check_of_a_range_of_days_has_one_entry_in_its_history(tmp_path: Path) -> None:
    days = dg.DailyPartitionsDefinition("2026-11-01")

    @dg.multi_asset(
        specs=[dg.AssetSpec("rows", partitions_def=days)],
        check_specs=[dg.AssetCheckSpec("some", asset="rows")],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def rows() -> Iterator[dg.MaterializeResult[None]]:
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="some")])

    key = dg.AssetCheckKey(dg.AssetKey("rows"), "some")
    with dg.DagsterInstance.from_config(str(install(tmp_path))) as instance:
        dg.materialize([rows], instance=instance, tags=range_tags([date(2026, 11, 1), date(2026, 11, 3)]))
        history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)

    assert [record.status for record in history] == [AssetCheckExecutionRecordStatus.SUCCEEDED]


def logged_run(folder: Path, kind: str) -> dict[str, list[tuple[object, ...]]]:
    """What the databases of a home say of one run of a checked asset of two days and of one that fails, chance and time aside."""
    folder.mkdir()
    (folder / "dagster.yaml").write_text(f"event_log_storage: {{{kind}, config: {{base_dir: {folder}/runs}}}}")
    # Dagster goes through partitions in the order of a set.
    subprocess.run([sys.executable, "-c", CHECKED, str(folder)], check=True, timeout=120, env={**os.environ, "PYTHONHASHSEED": "0"})
    queries = {
        "events": "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs ORDER BY id",
        "checks": "SELECT asset_key, check_name, partition, execution_status, evaluation_event_storage_id, "
        "materialization_event_storage_id, evaluation_event LIKE '%PLANNED%' FROM asset_check_executions ORDER BY check_name, id",
        "assets": "SELECT asset_key, json_extract(last_materialization, '$.storage_id'), last_run_id IS NULL FROM asset_keys ORDER BY 1",
        "tags": "SELECT event_id, asset_key, key, key LIKE '%version%' OR value FROM asset_event_tags ORDER BY event_id, key",
    }
    with sqlite3.connect(folder / "runs" / "index.db") as index:
        found = {name: index.execute(query).fetchall() for name, query in queries.items()}
    runs = []
    for file in (folder / "runs").glob("*-*.db"):
        with sqlite3.connect(file) as run:
            runs.append(run.execute(queries["events"]).fetchall())
    return found | {"runs": [row for run in sorted(runs, key=str) for row in run]}


CHECKED = """
import sys, warnings
import dagster as dg

warnings.simplefilter("ignore")
checks = [dg.AssetCheckSpec(f"check_{number}", asset="rows") for number in range(3)]

@dg.multi_asset(specs=[dg.AssetSpec("rows")], check_specs=checks)
def rows():
    found = [dg.AssetCheckResult(check_name=f"check_{number}", passed=number != 1) for number in range(3)]
    yield dg.MaterializeResult(asset_key="rows", check_results=found)

@dg.asset(deps=[rows], partitions_def=dg.StaticPartitionsDefinition(["a", "b"]), backfill_policy=dg.BackfillPolicy.single_run())
def parts() -> None: ...

@dg.multi_asset(specs=[dg.AssetSpec("bad")], check_specs=[dg.AssetCheckSpec(name, asset="bad") for name in ("seen", "unseen")])
def bad():
    yield dg.AssetCheckResult(asset_key="bad", check_name="seen", passed=False)
    raise dg.Failure("as it should")

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    dg.materialize([rows], instance=instance)
    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}
    dg.materialize([parts], instance=instance, tags=tags)
    dg.materialize([bad], instance=instance, raise_on_error=False)
"""


def test_the_databases_say_the_same_as_those_of_the_shipped_storage(tmp_path: Path) -> None:
    ours = logged_run(tmp_path / "ours", "module: dagmesh.orchestrate.event_log, class: KeptSqliteEventLog")
    shipped = logged_run(tmp_path / "shipped", "module: dagster._core.storage.event_log, class: SqliteEventLogStorage")

    assert len(shipped["runs"]) > 40
    assert ours == shipped


def test_the_tables_of_a_run_are_those_of_the_shipped_storage(tmp_path: Path) -> None:
    tables = []
    for kind in (SqliteEventLogStorage, KeptSqliteEventLog):
        kind(str(tmp_path / kind.__name__)).store_event(entry("first"))
        with sqlite3.connect(tmp_path / kind.__name__ / f"{RUN}.db") as run:
            made = run.execute(
                "SELECT name, sql FROM sqlite_master UNION ALL SELECT 'revision', version_num FROM alembic_version"
            ).fetchall()
            mode = run.execute("PRAGMA journal_mode").fetchall()
        tables.append((sorted((name, re.sub(r"\s", "", (sql or "").replace("IFNOTEXISTS", ""))) for name, sql in made), mode))

    assert tables[0] == tables[1]


def planned(name: str) -> EventLogEntry:
    data = AssetCheckEvaluationPlanned(asset_key=dg.AssetKey("rows"), check_name=name)
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION_PLANNED", job_name="job", event_specific_data=data)
    return entry("")._replace(dagster_event=event)


class Counted(KeptSqliteEventLog):
    """The log, with the transactions on its databases counted."""

    begun = 0

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        self.begun += 1
        with super()._transaction(shard) as connection:
            yield connection


def test_a_burst_of_events_is_one_transaction_on_each_database(tmp_path: Path) -> None:
    log = Counted(str(tmp_path))
    log.store_event(entry("the run exists"))
    log.begun = 0

    for number in range(100):
        log.store_event(planned(f"check_{number}"))
    log.store_event(entry("the end of the burst"))

    assert log.begun == 3
    assert len(log.get_logs_for_run(RUN)) == 102


def test_what_is_read_sees_the_burst_before_it(log: KeptSqliteEventLog) -> None:
    log.store_event(planned("only"))

    assert len(log.get_logs_for_run(RUN)) == 1
    assert len(log.get_asset_check_execution_history(dg.AssetCheckKey(dg.AssetKey("rows"), "only"), limit=9)) == 1


def test_a_burst_that_nothing_follows_is_written_in_a_moment(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    log.store_event(planned("only"))

    log._later.join(60)

    assert len(SqliteEventLogStorage(str(tmp_path)).get_logs_for_run(RUN)) == 1


def test_a_killed_process_leaves_a_log_that_reads_and_can_be_written(tmp_path: Path) -> None:
    program = WRITER + textwrap.dedent(f"""
        sys.path.insert(0, sys.argv[2])
        from test_event_log import planned
        import os, signal
        log = KeptSqliteEventLog(sys.argv[1])
        write(log, {RUN!r}, "begun", 1)
        log._held.extend(planned(str(number)) for number in range(3))
        os.kill(os.getpid(), signal.SIGKILL)
    """)

    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)], check=False, timeout=60)
    log = KeptSqliteEventLog(str(tmp_path))
    log.store_event(planned("0"))
    log.store_event(entry("after"))

    assert killed.returncode == -signal.SIGKILL
    assert [event.user_message for event in log.get_logs_for_run(RUN)] == ["begun 0", "", "after"]


def test_a_forked_child_does_not_write_what_its_parent_holds(tmp_path: Path, log: KeptSqliteEventLog) -> None:
    log.store_event(planned("only"))
    child = os.fork()
    if not child:
        log.store_event(entry("of the child"))
        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
    assert sorted(messages(log)) == ["", "of the child"]
