"""The log of reads as rows: each read joined with its end and with what it costs its reader, at the cost of the days asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dagmesh.audit.literals import text
from dagmesh.consume.read_log import ReadLog, check_record
from dagmesh.consume.usage.parsed_lines import parsed_lines

if TYPE_CHECKING:
    import duckdb

PACKED_AFTER = timedelta(days=2)

# A read costs nothing when it was refused, was the owner's own, or failed before its first row. Of a price per 1,000
# rows those count that the read covers, whatever its statement makes of them, or else those handed out. A price per month is due
# with the month's first read, however that ends: what a late end says changes no other day.
_JOINED = """
WITH log AS (FROM {lines}),
ends AS (
    SELECT completes, arg_max(outcome, "at") AS outcome, arg_max("rows", "at") AS served,
        arg_max(size_bytes, "at") AS size_bytes, arg_max(milliseconds, "at") AS milliseconds
    FROM log WHERE completes IS NOT NULL GROUP BY completes
),
reads AS (
    SELECT
        day || '.' || number AS read_id, day, log."at" AS read_at, principal, reader, via, split_part(address, '@', 1) AS product,
        CAST(regexp_extract(address, '@(\\d+)', 1) AS BIGINT) AS major,
        CAST(nullif(regexp_extract(address, '#(\\d+)', 1), '') AS BIGINT) AS snapshot,
        columns, log."rows" AS covered, served, ends.size_bytes, ends.milliseconds, purpose, "grant", decision, why, statement, query,
        CASE WHEN decision = 'refused' THEN 'refused' WHEN ends.outcome IS NOT NULL THEN ends.outcome
            WHEN via IS NULL OR via = 'python' THEN 'handed over' ELSE 'unfinished' END AS outcome,
        CASE WHEN decision = 'allowed' AND reader <> split_part(address, '.', 1)
            AND (coalesce(ends.outcome, '') <> 'failed' OR served > 0 OR price.per = 'month') THEN price END AS price
    FROM log LEFT JOIN ends ON ends.completes = log.query
    WHERE log.address IS NOT NULL
),
priced AS (
    SELECT *, CAST(price.amount AS DECIMAL(38, 6)) AS amount,
        CAST(coalesce(covered, served, 0) AS DECIMAL(38, 0)) * CAST(0.001 AS DECIMAL(38, 3)) AS thousands,
        row_number() OVER (PARTITION BY reader, product, major, price.per, date_trunc('month', day) ORDER BY day, read_at, read_id) AS place
    FROM reads
)
SELECT * EXCLUDE (price, amount, thousands, place), price.currency AS currency, price.per AS per,
    CAST(CASE price.per WHEN 'read' THEN amount WHEN '1000 rows' THEN amount * thousands
        WHEN 'month' THEN CASE WHEN place = 1 THEN amount ELSE 0 END END AS DECIMAL(28, 6)) AS charge
FROM priced WHERE day BETWEEN DATE '{first}' AND DATE '{last}'
"""


@dataclass(frozen=True)
class Reads:
    """The reads that a log has, for a DuckDB connection in UTC."""

    con: duckdb.DuckDBPyConnection
    log: ReadLog

    def rows(self, first: date, last: date) -> duckdb.DuckDBPyRelation:
        """One row for each read, allowed or refused, that began on these days; each recorded read is one row.

        `read_id` is unique for ever. `covered` is how many rows of the product the read may see, `served` how many were handed out;
        `charge`, in `currency`, is what it costs, NULL where it costs nothing.

        Raises:
            MeshError: a line of the log is no record; evidence with a hole is none.
        """
        # From the first of the month, for who has paid for it; to the day after, for the end of a query whose name says no day.
        days = [day for day in self.log.days.days() if first.replace(day=1) <= day <= last + timedelta(days=1)]
        return self.con.sql(_JOINED.format(lines=self._lines(days), first=first, last=last))

    def _lines(self, days: Sequence[date]) -> str:
        """FROM-able text of what the days' lines say."""
        log = self.log.days
        plain = [day for day in days if log.path(day).exists()]
        parts = [self.parsed([(day, number, line) for day in plain for number, line in enumerate(log.lines(day), start=1)])]
        parts += [f"read_parquet({text(str(path))})" for day in days if day not in plain and (path := log.packed(day))]
        return f"({' UNION ALL BY NAME '.join(f'SELECT * EXCLUDE line FROM {part}' for part in parts)})"

    def parsed(self, lines: Sequence[tuple[date, int, str]]) -> str:
        """The name of a table of the lines, each with its day and number there; see `parsed_lines`.

        Raises:
            MeshError: a line is no record.
        """
        import duckdb

        try:
            table = parsed_lines(self.con, lines)
            holes = f'SELECT 1 FROM {table} WHERE "at" IS NULL OR coalesce(address, completes, refuses) IS NULL LIMIT 1'
            damaged = self.con.execute(holes).fetchone() is not None
        except duckdb.InvalidInputException:
            damaged = True
        for day, number, line in lines if damaged else ():
            check_record(self.log.days.path(day), number, line)
        return table


def pack_old_days(log: ReadLog, now: datetime) -> list[date]:
    """The days of the log that are packed now: those that are long over; every line of them is kept as it was written.

    Raises:
        MeshError: see `DayLog.pack`.
    """
    import duckdb

    def pack(day: date, lines: Sequence[str], file: Path) -> None:
        with closing(duckdb.connect()) as con:
            con.execute("SET TimeZone = 'UTC'")
            table = Reads(con, log).parsed([(day, number, line) for number, line in enumerate(lines, start=1)])
            con.execute(f"COPY (FROM {table} ORDER BY number) TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd)")

    return list(log.days.pack((now - PACKED_AFTER).date(), pack))
