"""JSON-lines exports: one file a day of what a system handed over, with broken lines set aside and duplicates dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

CLOSED = "ExportClosed"
MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Export:
    """What came in: `rows`, `rejected` lines (day, line, reason), and how many of the announced records arrived, per day (of
    a file without a day: None), as a share from 0 to 1 (1 where the export announces nothing)."""

    rows: duckdb.DuckDBPyRelation
    rejected: duckdb.DuckDBPyRelation
    arrived: Mapping[date | None, float]


def read_json_lines(con: duckdb.DuckDBPyConnection, pattern: str, days: Sequence[date], data: Mapping[str, str]) -> Export:
    """The CloudEvents of the days' exports, each once, by the day of hand-over.

    The rows have day DATE, event_id, type, subject VARCHAR, occurred_at TIMESTAMPTZ (UTC) and the fields of `data`. An
    event handed over twice, in one file or in the file of the day before, counts once. A last line of type ExportClosed
    announces in data.events how many the file holds.

    Args:
        con: a connection in UTC.
        pattern: path of a day's file with `{day}` in it, or of the one file there is; its rows have no `day`.
        days: the days wanted, oldest first; each has its file.
        data: name -> DuckDB type of the payload fields wanted.

    Raises:
        FileNotFoundError: a day has no file.
    """
    daily = "{day}" in pattern
    wanted = [pattern.replace("{day}", day.isoformat()) for day in days] if daily else [pattern]
    absent = [path for path in wanted if not Path(path).exists()]
    if absent:
        raise FileNotFoundError(f"{absent[0]} has not arrived ({len(absent)} of {len(wanted)} exports are missing).")
    files = [*_day_before(pattern, days), *wanted]
    fields = ", ".join(f"event.data.{_quoted(name)} AS {_quoted(name)}" for name in data)
    since = f" AND day >= DATE '{days[0]}'" if daily else ""
    kept = f"QUALIFY row_number() OVER (PARTITION BY event.id ORDER BY day) = 1{since}"
    rows = con.sql(
        f"SELECT {'day, ' if daily else ''}event.id AS event_id, event.type AS type, event.subject AS subject, "
        f"happened_at AS occurred_at, {fields} "
        f"FROM ({_parsed(files, pattern, data)}) WHERE reason IS NULL AND event.type <> '{CLOSED}' {kept}"
    )
    lines = _parsed(wanted, pattern, {"events": "BIGINT"})
    return Export(rows, con.sql(f"SELECT day, line, reason FROM ({lines}) WHERE reason IS NOT NULL"), _arrived(con, lines))


def _day_before(pattern: str, days: Sequence[date]) -> list[str]:
    if not days:
        return []
    path = pattern.replace("{day}", (days[0] - timedelta(days=1)).isoformat())
    return [path] if Path(path).exists() else []


def _parsed(paths: Sequence[str], pattern: str, data: Mapping[str, str]) -> str:
    """SQL of every line with its day, its event, its time in UTC, and the reason when it is none."""
    payload = ", ".join(f'"{name}": "{kind}"' for name, kind in data.items())
    shape = f'{{"id": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "data": {{{payload}}}}}'
    before, _, after = pattern.partition("{day}")
    dated = f"CAST(regexp_extract(filename, {_text(re.escape(before) + '([0-9-]{10})' + re.escape(after))}, 1) AS DATE)"
    day = dated if "{day}" in pattern else "NULL::DATE"
    files = ", ".join(_text(path) for path in paths)
    return (
        "SELECT day, line, event, try_cast(event.time AS TIMESTAMPTZ) AS happened_at, CASE WHEN event IS NULL THEN 'not JSON' "
        f"WHEN event.type IS NULL THEN 'no type' WHEN event.type = '{CLOSED}' THEN NULL "
        "WHEN event.id IS NULL THEN 'no id' WHEN try_cast(event.time AS TIMESTAMPTZ) IS NULL THEN 'no time' END AS reason "
        f"FROM (SELECT {day} AS day, line, CASE WHEN json_valid(line) THEN json_transform(line, {_text(shape)}) END AS event "
        f"FROM read_csv([{files}], columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false, delim='\x01', quote='', "
        f"escape='', filename=true, max_line_size={MAX_LINE_BYTES}))"
    )


def _arrived(con: duckdb.DuckDBPyConnection, lines: str) -> dict[date | None, float]:
    counted = con.execute(
        f"SELECT day, count(DISTINCT event.id) FILTER (reason IS NULL AND event.type <> '{CLOSED}'), "
        f"max(event.data.events) FILTER (event.type = '{CLOSED}') FROM ({lines}) GROUP BY day"
    ).fetchall()
    return {day: min(1.0, arrived / announced) if announced else 1.0 for day, arrived, announced in counted}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
