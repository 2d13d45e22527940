"""A warm process that forks publishers and readers of one small table, so that a test can start and kill many fast.

It forks the workers of event_worker.py too. Each line of its input is a JSON object: `work` says which, the others are the
arguments. It answers with the pid of the fork. A publication number k holds, for each of its days, the rows (k, 0) to
(k, ROWS - 1): rows of two numbers in one snapshot's days are a torn snapshot. A publisher notes k in its file of
acknowledgements once k is published.
"""

import json
import os
import sys
import traceback
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow  # noqa: F401 - whoever the fork would have to wait for
from tests.faults.event_worker import advance_after_each, feed

import dagmesh as dm
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.model.address import Address

ROWS = 50
FIRST = date(2100, 1, 1)


class Numbers(dm.Contract):
    """One row per day, publication and position."""

    made_on: date = dm.field(key=True, description="UTC day.")
    publication: int = dm.field(key=True, description="Number of the publication.")
    position: int = dm.field(key=True, description="Position of the row.")


@dm.data_product(contract=Numbers, version="1.0.0", serves=[], promise=dm.Promise(), partitioned_by="made_on")
def numbers(given: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return given


def publish(root: str, home: str, major: int, first: int, count: int, days: list[int], acknowledgements: str) -> None:
    """Publish number `first` and on for these days (counted from FIRST), `count` times."""
    lake = Lake(root, Path(home))
    product = replace(numbers, version=f"{major}.0.0").in_domain("orders", "team:orders", None)
    table, con = lake.table(product.address), lake.connect()
    con.execute("SET threads = 1")
    wanted = [FIRST + timedelta(days=day) for day in days]
    file = os.open(acknowledgements, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number in range(first, first + count):
        listed = ", ".join(f"DATE '{day}'" for day in wanted)
        sql = f"(SELECT unnest([{listed}]) AS made_on, {number} AS publication, r.range AS position FROM range({ROWS}) r)"
        stage = table.stage(con, sql, product, wanted).with_row_hashes(con, {})
        record = Record(str(number), datetime.now(UTC), dict.fromkeys(wanted, "0" * 16))
        table.publish(stage, wanted, record, lake.signing_key("orders"))
        os.write(file, f"{number}\n".encode())
        stage.discard()


def read(root: str, home: str, major: int, until: str, seen: str, days_are_one: bool) -> None:
    """Read the newest snapshot again and again until a file is there, then write how many were read.

    `days_are_one` says that all days of a snapshot must be of one publication.
    """
    lake = Lake(root, Path(home))
    table, con, count = lake.table(Address("orders", "numbers", major)), lake.connect(), 0
    con.execute("SET threads = 1")
    while not Path(until).exists():
        if table.newest is not None:
            found = check(con, table.snapshot().sql())
            assert not days_are_one or len(set(found.values())) == 1, f"days of publications {found}"
            count += 1
    Path(seen).write_text(str(count))


def check(con: duckdb.DuckDBPyConnection, sql: str) -> dict[int, int]:
    """The number of the publication that each day (counted from FIRST) is of; AssertionError when a day is torn."""
    found = con.execute(f"SELECT made_on, min(publication), max(publication), count(*) FROM {sql} GROUP BY 1").fetchall()
    for day, least, most, rows in found:
        assert least == most, f"{day} has rows of publications {least} and {most}"
        assert rows == ROWS, f"{day} has {rows} rows of publication {least}"
    return {(day - FIRST).days: least for day, least, _, _ in found}


def main() -> None:
    """Fork what is asked for; forks that ended are not waited for, so that their numbers stay theirs while this runs."""
    errors = sys.argv[1]
    answer("ready")
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            fork(wanted, errors)
        answer(pid)


def answer(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fork(wanted: dict, errors: str) -> None:
    """Do the work and end, whatever happens."""
    try:
        {"publish": publish, "read": read, "feed": feed, "advance": advance_after_each}[wanted.pop("work")](**wanted)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the test reads it
        with Path(errors).open("a") as file:
            file.write(traceback.format_exc())
        os._exit(1)


if __name__ == "__main__":
    main()
