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
    paths: dict[date | None, str] = _day_before(pattern, days) | dict(zip(days if daily else [None], wanted, strict=True))
    files, counted = _counted(con, pattern, paths, data)
    twice = files.twice()
    since = f"WHERE day >= DATE '{days[0]}'" if daily else ""
    fields = "".join(f", data.{_quoted(name)} AS {_quoted(name)}" for name in data)
    rows = con.sql(
        f"SELECT {'day, ' if daily else ''}id AS event_id, type, subject, happened_at AS occurred_at{fields} "
        f"FROM (FROM {files.events()} ANTI JOIN {files.candidates} USING (id_hash) UNION ALL BY NAME FROM {twice}) {since}"
    )
    unannounced = 0.0 if closed else 1.0
    again = dict(con.execute(f"SELECT day, count(*) - count(DISTINCT id) FROM {files.repeated} GROUP BY day").fetchall())
    shares = {day: _share(count.events - again.get(day, 0), count.announced, unannounced) for day, count in counted.items()}
    rejected = _rejected(con, [path for path in files.broken if path in wanted], pattern)
    return Export(rows, con.sql(f"FROM {rejected}"), {day: shares.get(day, unannounced) for day in (days if daily else [None])})


def _day_before(pattern: str, days: Sequence[date]) -> dict[date | None, str]:
    if not days or "{day}" not in pattern:
        return {}
    before = days[0] - timedelta(days=1)
    path = pattern.replace("{day}", before.isoformat())
    return {before: path} if Path(path).exists() else {}


@dataclass(frozen=True)
class _Count:
    """A file's events, how many it announces, and its lines that are no events."""

    events: int
    announced: int | None
    broken: int


def _counted(
    con: duckdb.DuckDBPyConnection, pattern: str, paths: Mapping[date | None, str], data: Mapping[str, str]
) -> tuple[_Files, dict[date | None, _Count]]:
    """The files, told apart by whether each line is an event, and what each holds, by its day."""
    files = _Files(con, pattern, [*paths.values()], [], data)
    counted = files.counted()
    broken = [path for day, path in paths.items() if day in counted and counted[day].broken]
    if not broken:
        return files, counted
    files = _Files(con, pattern, [path for path in paths.values() if path not in broken], broken, data)
    return files, files.counted()


class _Files:
    """Exports, read by DuckDB's reader of JSON, and those with broken lines line by line, which takes five times as long.

    The tables it makes are on the connection, for relations that outlive it.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, pattern: str, clean: Sequence[str], broken: Sequence[str], data: Mapping[str, str]
    ) -> None:
        self._con, self._pattern, self._clean, self._data = con, pattern, clean, data
        self.broken = broken
        self.candidates, self.repeated = f"candidates_{uuid.uuid4().hex}", f"repeated_{uuid.uuid4().hex}"

    def _lines(self, data: Mapping[str, str]) -> str:
        """SQL of every line with its day and whether it is an event; of a line that cannot be read, NULLs."""
        payload = {"events": "BIGINT", **data}
        parts = [_by_reader(self._clean, self._pattern, payload)] if self._clean else []
        parts += [_by_line(self.broken, self._pattern, payload)] if self.broken else []
        return (
            "(SELECT * EXCLUDE (time), try_cast(time AS TIMESTAMPTZ) AS happened_at, hash(id) AS id_hash, "
            f"coalesce(type <> '{CLOSED}' AND id IS NOT NULL AND isfinite(happened_at), false) AS is_event "
            f"FROM ({' UNION ALL '.join(parts)}))"
        )

    def events(self) -> str:
        """SQL of every event, as often as it was handed over."""
        return f"(SELECT * EXCLUDE (is_event) FROM {self._lines(self._data)} WHERE is_event)"

    def counted(self) -> dict[date | None, _Count]:
        """What each file holds, by its day; and, in the same scan, the table of the hashes of ids that are there more than once."""
        self._con.execute(
            f"CREATE TABLE {self.candidates} AS SELECT day, id_hash, grouping(id_hash) AS of_day, "
            f"count(*) FILTER (is_event) AS events, max(data.events) FILTER (type = '{CLOSED}') AS announced, "
            f"count(*) FILTER (NOT is_event AND type IS DISTINCT FROM '{CLOSED}') AS broken FROM {self._lines({})} "
            "GROUP BY GROUPING SETS ((day), (id_hash)) HAVING of_day = 1 OR (events > 1 AND id_hash IS NOT NULL)"
        )
        found = self._con.execute(f"SELECT day, events, announced, broken FROM {self.candidates} WHERE of_day = 1").fetchall()
        self._con.execute(f"DELETE FROM {self.candidates} WHERE of_day = 1")
        return {day: _Count(*counts) for day, *counts in found}

    def twice(self) -> str:
        """SQL of the events that were handed over more than once, each once, of its first day."""
        [[some]] = self._con.execute(f"SELECT count(*) FROM {self.candidates}").fetchall()
        repeated = f"FROM {self.events()} SEMI JOIN {self.candidates} USING (id_hash)"
        # Their own table: they are few, and to find them again would read every line again.
        self._con.execute(f"CREATE TABLE {self.repeated} AS {repeated} {'' if some else 'LIMIT 0'}")
        return f"(FROM {self.repeated} QUALIFY row_number() OVER (PARTITION BY id ORDER BY day) = 1)"


def _by_reader(paths: Sequence[str], pattern: str, payload: Mapping[str, str]) -> str:
    """SQL of day, id, type, subject, time and data of each line; of a line that cannot be read, NULLs."""
    kinds = ", ".join(f"{_quoted(name)} {kind}" for name, kind in payload.items())
    shape = f"{{id: 'VARCHAR', type: 'VARCHAR', subject: 'VARCHAR', time: 'VARCHAR', data: {_text(f'STRUCT({kinds})')}}}"
    return (
        f"SELECT {_day('filename', pattern)} AS day, id, type, subject, time, data FROM read_json([{_texts(paths)}], columns={shape}, "
        f"format='newline_delimited', ignore_errors=true, filename=true, maximum_object_size={MAX_LINE_BYTES})"
    )


def _by_line(paths: Sequence[str], pattern: str, payload: Mapping[str, str]) -> str:
    """The same from lines, some of which are no JSON; those that are no text are left out."""
    kinds = ", ".join(f'"{name}": "{kind}"' for name, kind in payload.items())
    shape = f'{{"id": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "data": {{{kinds}}}}}'
    event = f"CASE WHEN json_valid(line) THEN json_transform(line, {_text(shape)}) END"
    # Materialized: else DuckDB 2.0.0 parses every line again for each of its fields.
    return (
        f"(WITH lines AS MATERIALIZED (SELECT {_day('filename', pattern)} AS day, {event} AS event FROM {_text_lines(paths)}) "
        "SELECT day, event.id, event.type, event.subject, event.time, event.data FROM lines)"
    )


def _text_lines(paths: Sequence[str], options: str = "ignore_errors=true") -> str:
    """SQL of the files' lines that are not blank. Not strict: lines may end in LF, CR LF or both in one file."""
    return (
        f"(FROM read_csv([{_texts(paths)}], columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false, delim='{NO_DELIMITER}', "
        f"quote='', escape='', filename=true, max_line_size={MAX_LINE_BYTES}, strict_mode=false, {options}) WHERE trim(line, ' \t') <> '')"
    )


def _rejected(con: duckdb.DuckDBPyConnection, paths: Sequence[str], pattern: str) -> str:
    """A table of the files' lines that are no events, with why."""
    found, scans, errors = (f"{name}_{uuid.uuid4().hex}" for name in ("rejected", "scans", "errors"))
    # A table, not the connection's own temporary one: a relation over it is read on other connections too.
    con.execute(f"CREATE TABLE {found} (day DATE, line VARCHAR, reason VARCHAR)")
    if not paths:
        return found
    shape = '{"id": "VARCHAR", "type": "VARCHAR", "time": "VARCHAR"}'
    lines = _text_lines(paths, f"store_rejects=true, rejects_scan={_text(scans)}, rejects_table={_text(errors)}")
    con.execute(
        f"INSERT INTO {found} SELECT day, line, reason FROM (SELECT day, line, CASE WHEN event IS NULL THEN 'not JSON' "
        f"WHEN event.type IS NULL THEN 'no type' WHEN event.type = '{CLOSED}' THEN NULL WHEN event.id IS NULL THEN 'no id' "
        "WHEN NOT coalesce(isfinite(try_cast(event.time AS TIMESTAMPTZ)), false) THEN 'no time' END AS reason "
        f"FROM (SELECT {_day('filename', pattern)} AS day, line, CASE WHEN json_valid(line) THEN json_transform(line, {_text(shape)}) END "
        f"AS event FROM {lines})) WHERE reason IS NOT NULL"
    )
    con.execute(
        f"INSERT INTO {found} SELECT {_day('file_path', pattern)} AS day, csv_line AS line, "
        "CASE error_type::VARCHAR WHEN 'INVALID ENCODING' THEN 'not UTF-8' WHEN 'LINE SIZE OVER MAXIMUM' THEN 'too long' "
        f"ELSE error_message END AS reason FROM {errors} JOIN {scans} USING (scan_id, file_id)"
    )
    return found


def _day(path: str, pattern: str) -> str:
    """SQL of the day that a file's path names; NULL when the pattern has none."""
    before, found, after = pattern.partition("{day}")
    named = re.escape(before) + "([0-9-]{10})" + re.escape(after).replace(re.escape("{day}"), "[0-9-]{10}")
    return f"CAST(regexp_extract({path}, {_text(named)}, 1) AS DATE)" if found else "NULL::DATE"


def _share(arrived: int, announced: int | None, unannounced: float) -> float:
    if announced is None:
        return unannounced
    return min(1.0, arrived / announced) if announced > 0 else 1.0


def _texts(values: Sequence[str]) -> str:
    return ", ".join(_text(value) for value in values)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
