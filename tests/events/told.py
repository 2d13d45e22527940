"""Events at random for the laws of projections: what each says as Python values, and the same as a store takes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from tests.events.sealing import kind

from dagmesh.events.event import NewEvent
from dagmesh.events.store import EventStore
from dagmesh.events.upcast import upcast

TEXT = {"type": ["string", "null"]}
INTEGER = {"type": "integer"}
EUR = {"type": "string", "format": "decimal"}
DAY = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT, "quantity": INTEGER, "eur": EUR}}}
KEY = {"id_": TEXT, "part": INTEGER}
REST = {"note": TEXT, "day": DAY, "seen_at": MOMENT, "flag": {"type": "boolean"}, "share": {"type": "number"}}
LISTS = {"tags": {"type": "array", "items": TEXT}, "lines": LINES}

TYPES = [
    kind("Placed", 1, cents=INTEGER, amount=INTEGER, **KEY, **REST, **LISTS),
    kind("Placed", 2, eur=EUR, amount=INTEGER, **KEY, **REST, **LISTS),
    kind("Changed", 1, remark=TEXT, amount=INTEGER, eur=EUR, **KEY),
    kind("Changed", 2, note=TEXT, amount=INTEGER, eur=EUR, **KEY),
    kind("Gone", 1, **KEY, **REST, tags=LISTS["tags"]),
]
KNOWN = {(one.name, one.version): one for one in TYPES}


@upcast("Changed", from_version=1)
def _renamed(data: dict) -> dict:
    return {("note" if name == "remark" else name): value for name, value in data.items()}


UPCASTS = (upcast("Placed", from_version=1, fields={"eur": "cents / 100"}), _renamed)

# The DuckDB type of each field of each type's newest version.
_KEY = {"id_": "VARCHAR", "part": "BIGINT"}
_REST = {"note": "VARCHAR", "day": "DATE", "seen_at": "TIMESTAMPTZ", "flag": "BOOLEAN", "share": "DOUBLE"}
FIELDS = {
    "Placed": {"eur": "DECIMAL", "amount": "BIGINT", **_KEY, **_REST, "tags": "TEXTS", "lines": "LINES"},
    "Changed": {"note": "VARCHAR", "amount": "BIGINT", "eur": "DECIMAL", **_KEY},
    "Gone": {**_KEY, **_REST, "tags": "TEXTS"},
}

NOON = datetime(2026, 3, 19, 12, tzinfo=UTC)
_TEXTS = st.sampled_from(["", "a", "A", "naïve", "x\0y", "'\"\\", "😀", "ﬀ", "null"])
_MOMENTS = st.sampled_from(
    [
        NOON,
        NOON + timedelta(microseconds=1),
        NOON + timedelta(hours=12),
        NOON - timedelta(days=1),
        NOON - timedelta(days=40),
        datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    ]
)
_EURS = st.integers(-300, 300).map(lambda cents: Decimal(cents).scaleb(-2)) | st.sampled_from([Decimal("99999999.99")])
_LINE = st.fixed_dictionaries({}, optional={"sku": st.sampled_from(["x", "ÿ"]), "quantity": st.integers(-1, 3), "eur": _EURS})
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "VARCHAR": _TEXTS,
    "BIGINT": st.integers(-3, 3) | st.sampled_from([2**40, -(2**40)]),
    "DECIMAL": _EURS,
    "DATE": _MOMENTS.map(datetime.date),
    "TIMESTAMPTZ": _MOMENTS,
    "BOOLEAN": st.booleans(),
    "DOUBLE": st.sampled_from([0.5, -1.25, 0.1, 1e300, 5e-324, 3.0]),
    "TEXTS": st.lists(st.none() | st.sampled_from(["t", "ü"]), max_size=3),
    "LINES": st.lists(_LINE, max_size=3),
}


@dataclass(frozen=True)
class Told:
    """An event: its values are of the newest version's fields, `version` is what a producer still writes; position 0: not stored."""

    type: str
    time: datetime
    values: dict[str, Any]
    version: int
    position: int = 0

    @property
    def subject(self) -> str:
        return f"things/{self.values.get('id_') or 'none'}"

    def new(self, id: str) -> NewEvent:
        data = {name: _json(value) for name, value in self.values.items()}
        if (self.type, self.version) == ("Placed", 1) and "eur" in data:
            data["cents"] = int(Decimal(data.pop("eur")).scaleb(2))
        if (self.type, self.version) == ("Changed", 1) and "note" in data:
            data["remark"] = data.pop("note")
        return NewEvent(id, self.type, self.subject, self.time, data, self.version)


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, (date, datetime)) else value


@st.composite
def told(draw: st.DrawFn) -> Told:
    name = draw(st.sampled_from(["Placed", "Placed", "Changed", "Gone"]))
    # Most events are of a thing and say all they can; of some the key, or a part of it, is not known.
    said = {field: st.one_of(_VALUES[kind], _VALUES[kind], _VALUES[kind], st.none()) for field, kind in FIELDS[name].items()}
    said |= {"id_": st.sampled_from(["a", "a", "a", "ß", "b", None]), "part": st.sampled_from([0, 0, 0, 1])}
    found = draw(st.fixed_dictionaries(said))
    values = {field: value for field, value in found.items() if value is not None}
    version = draw(st.sampled_from([v for known, v in KNOWN if known == name]))
    return Told(name, draw(_MOMENTS), values, version)


def streams() -> st.SearchStrategy[list[Told]]:
    """Events of every type and version, for few things, with ties in time and late ones."""
    return st.sampled_from([0, 4, 12]).flatmap(lambda least: st.lists(told(), min_size=least, max_size=least + 4)).map(numbered)


def numbered(events: Iterable[Told]) -> list[Told]:
    """The events as they stand in a store that got them in this order."""
    return [Told(one.type, one.time, one.values, one.version, position) for position, one in enumerate(events, 1)]


def opened_store(folder: Path) -> EventStore:
    store = EventStore(folder, "shop/things")
    store.register(TYPES)
    return store


def append(store: EventStore, events: Iterable[Told]) -> None:
    store.append([one.new(f"e{one.position}") for one in events])
