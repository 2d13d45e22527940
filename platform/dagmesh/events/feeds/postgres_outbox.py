"""A PostgreSQL outbox into the store: the table in which a service writes its events, in the transactions of its own changes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagmesh.errors import EventRefused
from dagmesh.events.event import NewEvent
from dagmesh.events.feeds.cloudevent import event_of
from dagmesh.events.feeds.cursors import Cursors
from dagmesh.events.feeds.dead_letters import DeadLetters
from dagmesh.events.feeds.feed import BATCH, Arrival, Fed, take
from dagmesh.events.store import EventStore

if TYPE_CHECKING:
    import psycopg

OUTBOX = """
CREATE TABLE outbox (
    id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq bigserial,
    PRIMARY KEY (txid, seq)
)
"""
# A row gets its number when it is written, and is seen when its transaction commits: by then higher numbers may have been read, and
# `seq > last` passes it over. So only rows are read whose transaction is older than every one that is still open: none can come later.
_NEXT = """
SELECT txid::text, seq, id, type, subject, to_json(occurred_at) #>> '{{}}', data::text FROM {table}
WHERE txid < pg_snapshot_xmin(pg_current_snapshot()) AND (txid, seq) > (%s::text::xid8, %s) ORDER BY txid, seq LIMIT %s
"""
_AHEAD = "SELECT count(*) FROM {table} WHERE txid >= pg_snapshot_xmax(pg_current_snapshot())"
_COLUMNS = ("id", "type", "subject", "time", "data")


def feed_postgres_outbox(
    store: EventStore,
    server: str,
    dead_letters: DeadLetters,
    *,
    table: str = "outbox",
    batch: int = BATCH,
    now: datetime | None = None,
) -> Fed:
    """What came of the rows that were committed since the last time: events in the store, the rest among the dead letters.

    Rows wait while any transaction is open that is older than theirs. The feed deletes nothing; needs the extra `postgres`.

    Args:
        store: where events go.
        server: a connection string of libpq: postgresql://reader@db.example/shop.
        dead_letters: where the rest goes; `line` is the row's seq.
        table: the outbox, with its schema if need be: shop.outbox. `OUTBOX` creates one.
        batch: how many rows are read, appended and noted at once.
        now: the moment that no event may be after; the clock's by default.

    Raises:
        psycopg.Error: the server or its table cannot be read.
        EventRefused: the store cannot be written, or the outbox was restored on another server; the next run goes on from there.
    """
    import psycopg

    fed = Fed()
    with Cursors(store, "postgres_outbox") as cursors, psycopg.connect(server, autocommit=True) as con:
        source = f"{con.info.host}:{con.info.port}/{con.info.dbname}/{table}"
        _check(con, table, source)
        cursor = cursors.load(source) or {"txid": "0", "seq": 0}
        while rows := _rows(con, _NEXT, table, cursor["txid"], cursor["seq"], batch):
            fed += take(store, source, [Arrival(row[1], _said(row), _event(row)) for row in rows], dead_letters, now).fed
            cursor = {"txid": rows[-1][0], "seq": rows[-1][1]}
            cursors.save(source, cursor)
    return fed


def _check(con: psycopg.Connection, table: str, source: str) -> None:
    """Refuse rows from the future: they come from another server, whose transactions had other numbers."""
    [(ahead,)] = _rows(con, _AHEAD, table)
    if ahead:
        raise EventRefused(
            f"{source}: {ahead} rows have a txid that this server has not given yet; the table was restored from another one. "
            f"Nothing was read. Give them new ones, the store knows what it has: UPDATE {table} SET txid = pg_current_xact_id();"
        )


def _rows(con: psycopg.Connection, query: str, table: str, *values: object) -> list[tuple[Any, ...]]:
    from psycopg import sql

    return con.execute(sql.SQL(query).format(table=sql.Identifier(*table.split("."))), values).fetchall()


def _said(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_COLUMNS, row[2:], strict=True))


def _event(row: tuple[Any, ...]) -> NewEvent | EventRefused:
    try:
        said = {name: value for name, value in _said(row).items() if value is not None}
        return event_of(said | {"data": json.loads(said["data"])} if "data" in said else said)
    except EventRefused as refusal:
        return refusal
