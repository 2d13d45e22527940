"""The search index: what publications say of products, in a small SQLite database that follows the lake and can be lost.

A look for changes reads names and file states only; a publication is read again when its product's newest commit, or its domain's
key, is another than the one that was indexed.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from dagmesh.consume.index_rows import insert, remove
from dagmesh.lake.delta_log import commit_name
from dagmesh.lake.keys import key_name
from dagmesh.lake.lake import Lake
from dagmesh.lake.owner_only import is_writable, owner_only
from dagmesh.model.address import Address

SCHEMA = 1  # raised when the tables change: an older database is made anew
_SECONDS = 30.0
# bm25 weighs the columns in this order, see search.py
_TABLES = """
CREATE TABLE product (id INTEGER PRIMARY KEY, address TEXT UNIQUE, name TEXT, major INTEGER, domain TEXT, mark TEXT,
    published_at TEXT, kept_until TEXT, is_complete INTEGER, refused TEXT, card TEXT);
CREATE INDEX product_published ON product (published_at);
CREATE INDEX product_domain ON product (domain);
CREATE VIRTUAL TABLE words USING fts5 (name, description, columns, meanings, owner, tags, units, domain,
    tokenize = 'porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
CREATE TABLE facet (product INTEGER, kind TEXT, value TEXT);
CREATE INDEX facet_value ON facet (kind, value);
CREATE INDEX facet_product ON facet (product);
CREATE TABLE read (product INTEGER, source TEXT);
CREATE INDEX read_source ON read (source);
CREATE INDEX read_product ON read (product);
CREATE TABLE edge (product INTEGER, "column" TEXT, source TEXT, source_column TEXT, way TEXT);
CREATE INDEX edge_source ON edge (source);
CREATE INDEX edge_product ON edge (product);
"""


@dataclass
class Looked:
    """When the lake was last looked at, on the monotonic clock, and that one look is enough for all who wait."""

    at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class SearchIndex:
    """The index of one lake, in `<home>/catalogue.sqlite`; in memory where the home cannot be written to."""

    lake: Lake
    looked: Looked = field(default_factory=Looked, init=False, compare=False, repr=False)
    _kept: list[sqlite3.Connection] = field(default_factory=list, init=False, compare=False, repr=False)

    @contextmanager
    def fresh(self, max_age: float = 0.0) -> Iterator[sqlite3.Connection]:
        """A connection to the index as the lake is now, or was at most `max_age` seconds ago.

        A database that is damaged, or of another dagmesh, is made anew.
        """
        with self.looked.lock:
            if time.monotonic() - self.looked.at >= max_age:
                self._refresh_or_rebuild()
                self.looked.at = time.monotonic()
        with self._opened() as con:
            yield con

    def _refresh_or_rebuild(self) -> None:
        try:
            with self._opened() as con:
                refresh(self.lake, con)
        except sqlite3.DatabaseError:
            # All of it is derived: what cannot be read is thrown away.
            for name in ("catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"):
                (self.lake.home / name).unlink(missing_ok=True)
            with self._opened() as con:
                refresh(self.lake, con)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not is_writable(self.lake.home):
            if not self._kept:
                self._kept.append(sqlite3.connect(":memory:", check_same_thread=False))
            yield prepared(self._kept[0])
            return
        with closing(sqlite3.connect(owner_only(self.lake.home) / "catalogue.sqlite", timeout=_SECONDS)) as con:
            yield prepared(con)


def prepared(con: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, its tables made if it has none; a database of another dagmesh is refused."""
    (schema,) = con.execute("PRAGMA user_version").fetchone()
    if schema not in (0, SCHEMA):
        raise sqlite3.DatabaseError(f"schema {schema}")
    if schema == 0:
        con.execute("PRAGMA journal_mode = WAL")
        con.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
    con.execute("PRAGMA synchronous = OFF")  # it need not survive a power cut
    return con


def refresh(lake: Lake, con: sqlite3.Connection) -> tuple[int, int]:
    """Bring the index up to what the lake has now: how many products were indexed anew, and how many left it."""
    known = {(name, major): mark for name, major, mark in con.execute("SELECT name, major, mark FROM product")}
    keys: dict[str, str] = {}
    changed: dict[Address, str] = {}
    for address in lake.tables():
        key = (address.name, address.major)
        before = known.get(key)
        mark = _mark(lake, address, before, keys)
        if mark:
            known.pop(key, None)
            if mark != before:
                changed[address] = mark
    gone = sorted(f"{name}@{major}" for name, major in known)
    if changed or gone:
        with con:
            con.execute("BEGIN IMMEDIATE")
            for text in (*gone, *map(str, changed)):
                remove(con, text)
            for address, mark in sorted(changed.items()):
                insert(con, lake, address, mark)
    return len(changed), len(gone)


def _mark(lake: Lake, address: Address, known: str | None, keys: dict[str, str]) -> str | None:
    """What changes when anything is published, or a commit or the domain's key is touched; None where nothing is published.

    A known product costs two looks at names; the log is listed only when there is a commit after the known one.
    """
    if address.domain not in keys:
        keys[address.domain] = str(lake.storage.state(key_name(address.domain)))
    folder = lake.folder(address)
    version: int | None = int(known.partition(" ")[0]) if known else None
    if version is None or lake.storage.state(f"{folder}/{commit_name(version + 1)}"):
        version = lake.table(address).newest
    state = None if version is None else lake.storage.state(f"{folder}/{commit_name(version)}")
    return f"{version} {state} {keys[address.domain]}" if state else None


def cards(con: sqlite3.Connection, where: str = "TRUE", values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """The products that a condition over the table `product` keeps, as `card` gives them, by address."""
    rows = con.execute(f"SELECT card, kept_until, is_complete, refused FROM product WHERE {where} ORDER BY name, major", values)
    return [card(*row) for row in rows]


def card(text: str, kept_until: str, is_complete: int, refused: str) -> dict[str, Any]:
    """A product as lists show it: what its publication says, and until when that keeps the promise."""
    found: Mapping[str, Any] = json.loads(text)
    return {**found, "kept_until": kept_until, "is_complete": bool(is_complete), "refused": refused}
