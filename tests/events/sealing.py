"""What the tests of segments share: a type of three versions, events of all of them, and how Python reads them."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from dagmesh.events.event import NewEvent
from dagmesh.events.event_type import EventType
from dagmesh.events.lifting import lifted
from dagmesh.events.store import EventStore
from dagmesh.events.typed import COLUMNS
from dagmesh.events.upcast import Upcast, upcast
from dagmesh.lake.keys import SigningKey

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
KEY = SigningKey("orders", Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER_KEY = SigningKey("orders", Ed25519PrivateKey.from_private_bytes(b"o" * 32))

ADDRESS = {"type": "string", "x-pii": True}
NOTE = {"type": ["string", "null"]}
EUR = {"type": "string", "format": "decimal"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}, "eur": EUR}}}


def kind(name: str, version: int, required: Iterable[str] = (), **properties: Any) -> EventType:
    return EventType(name, version, {"type": "object", "properties": properties, "required": list(required)})


PLACED = [
    kind("OrderPlaced", 1, ["cents"], cents={"type": "integer"}, note=NOTE, address=ADDRESS, time=NOTE),
    kind("OrderPlaced", 2, ["eur", "currency"], eur=EUR, currency={"type": "string"}, note=NOTE, address=ADDRESS, time=NOTE, lines=LINES),
    kind("OrderPlaced", 3, ["eur", "currency"], eur=EUR, currency={"type": "string"}, remark=NOTE, street=NOTE, time=NOTE, lines=LINES),
]
SHIPPED = kind("OrderShipped", 1, ["on"], on={"type": "string", "format": "date"}, to={})
IN_EUR = upcast("OrderPlaced", from_version=1, fields={"eur": "cents / 100", "currency": "'EUR'"})
IN_WORDS = upcast("OrderPlaced", from_version=2, fields={"remark": "upper(note)", "street": "address"})


@upcast("OrderPlaced", from_version=2)
def in_python(data: dict) -> dict:
    note, street = data.pop("note", None), data.pop("address", None)
    return {**data, "remark": None if note is None else note.upper(), "street": street}


SQL_STEPS: list[Upcast] = [IN_EUR, IN_WORDS]
PYTHON_STEPS: list[Upcast] = [IN_EUR, in_python]


def opened(folder: Path) -> EventStore:
    store = EventStore(folder, "shop/orders")
    store.register([*PLACED, SHIPPED])
    return store


def shipped(number: int, **said: object) -> NewEvent:
    values = {"id": f"s{number}", "type": "OrderShipped", "subject": f"orders/{number}", "time": NOON, "data": {"on": "2026-11-19"}}
    return NewEvent(**values | said)


TEXTS = st.sampled_from(["", "a", "naïve", "x\0y", "'\"\\", "😀", "null"])
CENTS = st.integers(-(2**40), 2**40)
AMOUNTS = st.integers(-(10**17), 10**17).map(lambda cents: f"{Decimal(cents).scaleb(-2):.2f}")
LINE = st.fixed_dictionaries({}, optional={"sku": TEXTS, "eur": AMOUNTS, "more": st.just(1)})
OPTIONAL = {"note": TEXTS | st.none(), "address": TEXTS, "time": TEXTS}
DATA = {
    ("OrderPlaced", 1): st.fixed_dictionaries({"cents": CENTS}, optional=OPTIONAL),
    ("OrderPlaced", 2): st.fixed_dictionaries(
        {"eur": AMOUNTS, "currency": TEXTS}, optional=OPTIONAL | {"lines": st.lists(LINE, max_size=2)}
    ),
    ("OrderPlaced", 3): st.fixed_dictionaries(
        {"eur": AMOUNTS, "currency": TEXTS}, optional={"remark": TEXTS, "street": TEXTS, "lines": st.lists(LINE, max_size=2)}
    ),
    ("OrderShipped", 1): st.fixed_dictionaries(
        {"on": st.dates().map(str)}, optional={"to": st.none() | TEXTS | st.integers(0, 9) | st.lists(st.booleans(), max_size=1)}
    ),
}


@st.composite
def streams(draw: st.DrawFn) -> list[NewEvent]:
    """Events of every type and version, for few subjects, some long ago."""
    chosen = draw(st.lists(st.sampled_from(sorted(DATA)), max_size=25))
    return [
        NewEvent(
            f"e{number}{draw(TEXTS)}",
            name,
            f"orders/{draw(st.integers(0, 3))}",
            NOON - timedelta(microseconds=draw(st.integers(0, 2**55))),
            draw(DATA[name, version]),
            version,
        )
        for number, (name, version) in enumerate(chosen)
    ]


def connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The relation's rows in order of position."""
    found = con.execute(f"FROM {sql} ORDER BY position")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def read_in_python(store: EventStore, type: str, steps: Iterable[Upcast], after: int = 0) -> list[dict[str, Any]]:
    """What a relation should have, from the events as Python reads them: each field the Python value of its type."""
    types = store.types()
    newest = types[type, max(version for name, version in types if name == type)]
    made = []
    for event in store.read(types=[type], after=after):
        data = lifted(event, types, steps).data
        own = {name: getattr(event, name) for name in COLUMNS}
        made.append(own | {field.column: valued(data.get(name), field.shape) for name, field in newest.fields.items()})
    return made


def valued(value: Any, shape: Any) -> Any:
    """A JSON value as the Python value of the column's type."""
    if value is None:
        return None
    if isinstance(shape, list):
        return [valued(item, shape[0]) for item in value]
    if isinstance(shape, dict):
        return {name: valued(value.get(name), below) for name, below in shape.items()}
    readers: dict[str, Any] = {"DATE": date.fromisoformat, "BIGINT": int, "DOUBLE": float}
    readers["TIMESTAMPTZ"] = lambda given: datetime.fromisoformat(given).astimezone(UTC)
    readers["JSON"] = lambda given: json.dumps(given, separators=(",", ":"), ensure_ascii=False)
    if shape.startswith("DECIMAL"):
        scale = int(shape.rstrip(")").split(",")[1])
        return Decimal(value).quantize(Decimal(1).scaleb(-scale), context=Context(prec=40))  # 0.5 is 0.50 in a column of cents
    return readers.get(shape, lambda given: given)(value)


def tamper(store: EventStore, *statements: str) -> None:
    """Change the file as one who owns it could."""
    with sqlite3.connect(store.path) as con:
        for trigger in ("events_never_change", "events_never_go", "events_come_one_after_the_other"):
            con.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            con.execute(statement)
    con.close()
