"""JSON-lines exports: one file a day of what a system handed over, with broken lines set aside and duplicates dropped."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

CLOSED = "ExportClosed"
MAX_LINE_BYTES = 16 * 1024 * 1024
NO_DELIMITER = "\x01\x02\x03\x04"  # DuckDB's reader of lines wants one; no text has this


@dataclass(frozen=True)
class Export:
    """What came in: `rows`, `rejected` lines (day, line, reason), and how many of the announced records arrived, per day (of
    a file without a day: None), as a share from 0 to 1 (1 where the export announces nothing)."""

    rows: duckdb.DuckDBPyRelation
    rejected: duckdb.DuckDBPyRelation
    arrived: Mapping[date | None, float]


def read_json_lines(
    con: duckdb.DuckDBPyConnection, pattern: str, days: Sequence[date], data: Mapping[str, str], *, closed: bool = False
) -> Export:
    """The CloudEvents of the days' exports, each once, by the day of hand-over.

    The rows have day DATE, event_id, type, subject VARCHAR, occurred_at TIMESTAMPTZ (UTC) and the fields of `data`. An
    event handed over twice, in one file or in the file of the day before, counts once. A last line of type ExportClosed
    announces in data.events how many the file holds. Blank lines count for nothing.

    Args:
        con: a connection in UTC.
        pattern: path of a day's file with `{day}` in it, or of the one file there is; its rows have no `day`.
        days: the days wanted, oldest first; each has its file.
        data: name -> DuckDB type of the payload fields wanted.
        closed: the source closes every export with ExportClosed; one that is not closed was cut off, and counts as if
            nothing of it had arrived.

    Raises:
        FileNotFoundError: a day has no file.
    """
    daily = "{day}" in pattern
    wanted = [pattern.replace("{day}", day.isoformat()) for day in days] if daily else [pattern]
    absent = [path for path in wanted if not Path(path).exists()]
    if absent:
        raise FileNotFoundError(f"{absent[0]} has not arrived ({len(absent)} of {len(wanted)} exports are missing).")
    unannounced = 0.0 if closed else 1.0
    arrived, broken, unreadable = _counted(con, wanted, pattern, unannounced)
    files = [*_day_before(pattern, days), *wanted]
    fields = ", ".join(f"event.data.{_quoted(name)} AS {_quoted(name)}" for name in data)
    since = f" AND day >= DATE '{days[0]}'" if daily else ""
    kept = f"QUALIFY row_number() OVER (PARTITION BY event.id ORDER BY day) = 1{since}"
    # Materialized: else DuckDB 2.0.0 parses every line again for each of its fields.
    rows = con.sql(
        f"WITH events AS MATERIALIZED (SELECT * EXCLUDE (line) FROM ({_parsed(files, pattern, data)})) "
        f"SELECT {'day, ' if daily else ''}event.id AS event_id, event.type AS type, event.subject AS subject, "
        f"happened_at AS occurred_at{', ' if fields else ''}{fields} "
        f"FROM events WHERE reason IS NULL AND event.type <> '{CLOSED}' {kept}"
    )
    unparsed = f"UNION ALL SELECT day, line, reason FROM ({_parsed(wanted, pattern, {})}) WHERE reason IS NOT NULL" if broken else ""
    shares = dict.fromkeys(days if daily else [None], unannounced) | arrived
    return Export(rows, con.sql(f"FROM {unreadable} {unparsed}"), shares)


def _day_before(pattern: str, days: Sequence[date]) -> list[str]:
    if not days or "{day}" not in pattern:
        return []
    path = pattern.replace("{day}", (days[0] - timedelta(days=1)).isoformat())
    return [path] if Path(path).exists() else []


def _parsed(paths: Sequence[str], pattern: str, data: Mapping[str, str], options: str = "ignore_errors=true") -> str:
    """SQL of every line with its day, its event, its time in UTC, and the reason when it is none."""
    payload = ", ".join(f'"{name}": "{kind}"' for name, kind in {"events": "BIGINT", **data}.items())
    shape = f'{{"id": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "data": {{{payload}}}}}'
    files = ", ".join(_text(path) for path in paths)
    # Not strict: lines may end in LF, CR LF or both in one file. What is no line of text is left out here: see _counted.
    return (
        "SELECT day, line, event, try_cast(event.time AS TIMESTAMPTZ) AS happened_at, CASE WHEN event IS NULL THEN 'not JSON' "
        f"WHEN event.type IS NULL THEN 'no type' WHEN event.type = '{CLOSED}' THEN NULL WHEN event.id IS NULL THEN 'no id' "
        "WHEN NOT coalesce(isfinite(try_cast(event.time AS TIMESTAMPTZ)), false) THEN 'no time' END AS reason "
        f"FROM (SELECT {_day('filename', pattern)} AS day, line, "
        f"CASE WHEN json_valid(line) THEN json_transform(line, {_text(shape)}) END AS event "
        f"FROM read_csv([{files}], columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false, delim='{NO_DELIMITER}', quote='', "
        f"escape='', filename=true, max_line_size={MAX_LINE_BYTES}, strict_mode=false, {options}) WHERE trim(line, ' \t') <> '')"
    )


def _day(path: str, pattern: str) -> str:
    """SQL of the day that a file's path names; NULL when the pattern has none."""
    before, found, after = pattern.partition("{day}")
    named = re.escape(before) + "([0-9-]{10})" + re.escape(after).replace(re.escape("{day}"), "[0-9-]{10}")
    return f"CAST(regexp_extract({path}, {_text(named)}, 1) AS DATE)" if found else "NULL::DATE"


def _counted(
    con: duckdb.DuckDBPyConnection, paths: Sequence[str], pattern: str, unannounced: float
) -> tuple[dict[date | None, float], int, str]:
    """The share of the announced events that arrived, per day; how many lines are no events; a table of those that are no text."""
    found, scans, errors = (f"{name}_{uuid.uuid4().hex}" for name in ("unreadable", "scans", "errors"))
    lines = _parsed(paths, pattern, {}, f"store_rejects=true, rejects_scan={_text(scans)}, rejects_table={_text(errors)}")
    counted = con.execute(
        f"SELECT day, count(DISTINCT event.id) FILTER (reason IS NULL AND event.type <> '{CLOSED}'), "
        f"max(event.data.events) FILTER (event.type = '{CLOSED}'), "
        f"count(*) FILTER (reason IS NOT NULL) FROM ({lines}) GROUP BY day"
    ).fetchall()
    # A table, not the connection's own temporary one: a relation over it is read on other connections too.
    con.execute(
        f"CREATE TABLE {found} AS SELECT {_day('file_path', pattern)} AS day, csv_line AS line, "
        "CASE error_type::VARCHAR WHEN 'INVALID ENCODING' THEN 'not UTF-8' WHEN 'LINE SIZE OVER MAXIMUM' THEN 'too long' "
        f"ELSE error_message END AS reason FROM {errors} JOIN {scans} USING (scan_id, file_id)"
    )
    shares = {day: _share(arrived, announced, unannounced) for day, arrived, announced, _ in counted}
    return shares, sum(broken for *_, broken in counted), found


def _share(arrived: int, announced: int | None, unannounced: float) -> float:
    if announced is None:
        return unannounced
    return min(1.0, arrived / announced) if announced > 0 else 1.0


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
