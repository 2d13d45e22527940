"""Bursts of Dagster events written together: a statement for each table and one commit for each database.

Of each of its checks a step says that it is planned, what it found and that it gave an output, one event after another with
no work between; a statement and a commit for each of them is most of what a small run costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from dagster import DagsterEventType
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from sqlalchemy import bindparam
from sqlalchemy.engine import Connection

_PLANNED, _FOUND = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION
_OUTPUT = DagsterEventType.STEP_OUTPUT
_BURSTS = {_PLANNED, _FOUND, _OUTPUT, DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_MATERIALIZATION}
_CHECKS = AssetCheckExecutionsTable
_OF_PLAN = _CHECKS.update().where(
    _CHECKS.c.asset_key == bindparam("of_asset"),
    _CHECKS.c.check_name == bindparam("of_check"),
    _CHECKS.c.run_id == bindparam("of_run"),
    _CHECKS.c.partition.is_not_distinct_from(bindparam("of_partition")),
)

Transaction = Callable[[str], AbstractContextManager[Connection]]
Row = tuple[EventLogEntry, dict[str, Any]]
"""An event and the values of its row in the log."""


def comes_in_bursts(entry: EventLogEntry) -> bool:
    """Whether an event may wait a moment for those after it; one of no run never does."""
    return bool(entry.run_id) and entry.is_dagster_event and _kind(entry) in _BURSTS


def store(log: SqliteEventLogStorage, transaction: Transaction, entries: Sequence[EventLogEntry]) -> None:
    """Write events that come in bursts: to the logs of their runs, then to the index, as the shipped storage writes each.

    A check is planned once for all the days of a run, as it is judged once: the shipped storage plans it for each of the days,
    also one that is not partitioned itself, and the plans that come to nothing would be shown as skipped.

    Args:
        log: whose tables they are.
        transaction: gives a transaction on a database of the log, named by its shard.
        entries: the events, in order.
    """
    rows = [(entry, log._event_to_row(entry)) for entry in entries]
    for run_id in dict.fromkeys(entry.run_id for entry in entries):
        with transaction(run_id) as con:
            con.execute(SqlEventLogStorageTable.insert(), [values for entry, values in rows if entry.run_id == run_id])
    mirrored = [(entry, values) for entry, values in rows if _kind(entry) != _OUTPUT]
    if mirrored:
        with transaction(INDEX_SHARD_NAME) as con:
            _mirror(log, con, mirrored)


def _kind(entry: EventLogEntry) -> DagsterEventType:
    return entry.get_dagster_event().event_type


def _mirror(log: SqliteEventLogStorage, con: Connection, rows: Sequence[Row]) -> None:
    insert = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
    numbers = con.execute(insert, [values for _, values in rows]).scalars().all()
    for (_, values), number in zip(rows, numbers, strict=True):
        values["id"] = number
    assets = [(entry, values["id"]) for entry, values in rows if _kind(entry) in ASSET_EVENTS]
    log._store_asset_event_tags(con, *([list(part) for part in zip(*assets, strict=True)] if assets else ([], [])))
    # What is kept of an asset is its newest event of a kind.
    for entry, number in {(_kind(entry), entry.get_dagster_event().asset_key): (entry, number) for entry, number in assets}.values():
        log._store_asset_event(con, entry, number)
    _mirror_checks(con, rows)


def _mirror_checks(con: Connection, rows: Sequence[Row]) -> None:
    planned = [_plan(*row) for row in rows if _kind(row[0]) == _PLANNED]
    if planned:
        con.execute(_CHECKS.insert(), planned)
    found = [_finding(*row) for row in rows if _kind(row[0]) == _FOUND]
    unplanned = [finding for finding in found if con.execute(_OF_PLAN, _where(finding)).rowcount == 0]
    if unplanned:
        con.execute(_CHECKS.insert(), unplanned)


def _plan(entry: EventLogEntry, values: dict[str, Any]) -> dict[str, Any]:
    planned = entry.get_dagster_event().asset_check_planned_data
    status = AssetCheckExecutionRecordStatus.PLANNED
    return _execution(entry, values, planned.asset_check_key, None, status) | {"materialization_event_storage_id": None}


def _finding(entry: EventLogEntry, values: dict[str, Any]) -> dict[str, Any]:
    found = entry.get_dagster_event().asset_check_evaluation_data
    of = found.target_materialization_data
    status = AssetCheckExecutionRecordStatus.SUCCEEDED if found.passed else AssetCheckExecutionRecordStatus.FAILED
    return _execution(entry, values, found.asset_check_key, found.partition, status) | {
        "materialization_event_storage_id": of.storage_id if of else None
    }


def _execution(entry: EventLogEntry, values: dict[str, Any], key: Any, partition: str | None, status: Any) -> dict[str, Any]:
    """The values of the check's row in the table of checks."""
    return {
        "asset_key": key.asset_key.to_string(),
        "check_name": key.name,
        "run_id": entry.run_id,
        "partition": partition,
        "execution_status": status.value,
        "evaluation_event": values["event"],
        "evaluation_event_timestamp": values["timestamp"],
        "evaluation_event_storage_id": values["id"],
    }


def _where(finding: dict[str, Any]) -> dict[str, Any]:
    """What changes in the row of the plan of a check, and which row that is."""
    names = {"asset_key": "of_asset", "check_name": "of_check", "run_id": "of_run"}
    return {names.get(name, name): value for name, value in finding.items()} | {"of_partition": finding["partition"]}
