"""Projections at random, and what each means: folded in plain Python, with nothing of the compiler's.

Each piece of SQL is drawn together with the Python that means the same, None standing for NULL.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.events.told import FIELDS, Told

import dagmesh as dm
from dagmesh.model.projection import Folded, Projection

Scope = Mapping[str, Any]
ORDERED = ("VARCHAR", "BIGINT", "DECIMAL", "DATE", "TIMESTAMPTZ", "BOOLEAN", "DOUBLE")
SUMMED = ("BIGINT", "DECIMAL")


@dataclass(frozen=True)
class Piece:
    """SQL and what it means: of an event (`Told`), or of a thing or element (its columns by name)."""

    sql: str
    means: Callable[[Any], Any]
    kind: str


@dataclass(frozen=True)
class Column:
    """A column of a thing: how it is folded, and of what by event type; `kind` is what comes out."""

    way: str
    pieces: Mapping[str, Piece]
    kind: str

    @property
    def folded(self) -> Folded:
        return Folded(self.way, {name: piece.sql for name, piece in self.pieces.items()})


@dataclass(frozen=True)
class Meant:
    """A projection, and what it means."""

    key: Mapping[str, Piece]
    things: Mapping[str, Column]
    columns: Mapping[str, Piece | tuple[str, Piece]]
    by: Mapping[str, Piece] | None = None
    each: tuple[str, str] | None = None
    where: Piece | None = None
    within: tuple[int, str] | None = None
    partitioned_by: str | None = None
    plain: Sequence[str] = field(default=())

    @property
    def projection(self) -> Projection:
        entity = dm.entity({name: piece.sql for name, piece in self.key.items()}, **{n: c.folded for n, c in self.things.items()})
        return dm.projection(
            dm.Events("things"),
            of=entity,
            columns={name: _said(made) for name, made in self.columns.items()},
            by=None if self.by is None else {name: piece.sql for name, piece in self.by.items()},
            each=self.each and f"{self.each[0]} AS {self.each[1]}",
            where=self.where and self.where.sql,
            within=self.within and dm.last_days(*self.within),
        )

    @property
    def contract(self) -> list[str]:
        """The product's columns in order."""
        return [*(self.by or {}), *self.columns, *self.plain]

    @property
    def types(self) -> set[str]:
        return {name for column in self.things.values() for name in column.pieces}


def _said(made: Piece | tuple[str, Piece]) -> str | Folded:
    return made.sql if isinstance(made, Piece) else Folded(made[0], {}, made[1].sql)


# What a projection means


def rows(meant: Meant, events: Sequence[Told]) -> list[tuple]:
    """The product's rows, in no order."""
    elements = [element for thing in _within(meant, things(meant, events), events) for element in _elements(meant, thing)]
    if meant.by is None:
        return [tuple(_value(meant, name, element) for name in meant.contract) for element in elements]
    groups: dict[tuple, list[Scope]] = defaultdict(list)
    if not meant.by:
        groups[()] = []
    for element in elements:
        group = tuple(piece.means(element) for piece in meant.by.values())
        if None not in group:
            groups[group].append(element)
    return [(*group, *(_over(made, members) for made in meant.columns.values())) for group, members in groups.items()]


def things(meant: Meant, events: Sequence[Told]) -> list[Scope]:
    """Each thing's key and columns."""
    found: dict[tuple, list[Told]] = defaultdict(list)
    for event in events:
        key = tuple(piece.means(event) for piece in meant.key.values())
        if event.type in meant.types and None not in key:
            found[key].append(event)
    return [
        dict(zip(meant.key, key, strict=True)) | {name: _folded(column, seen) for name, column in meant.things.items()}
        for key, seen in found.items()
    ]


def _folded(column: Column, events: Iterable[Told]) -> Any:
    said = [(e.time, e.position, column.pieces[e.type].means(e)) for e in events if e.type in column.pieces]
    known = [(time, position, value) for time, position, value in said if value is not None]
    if column.way in ("first", "last"):
        chosen = sorted(known, key=lambda one: one[:2])
        return None if not chosen else chosen[0 if column.way == "first" else -1][2]
    return reduced(column.way, [value for _, _, value in known])


def reduced(way: str, known: Sequence[Any]) -> Any:
    """The count, sum, least, greatest, or number of different ones of values that are known."""
    if way == "count_distinct":
        return len({repr(value) if isinstance(value, (list, dict)) else value for value in known})
    if way in ("min", "max"):
        return (min if way == "min" else max)(known) if known else None
    return len(known) if way == "count" else sum(known)


def _within(meant: Meant, found: Iterable[Scope], events: Sequence[Told]) -> list[Scope]:
    if meant.within is None:
        return list(found)
    count, column = meant.within
    newest = max((event.time.date() for event in events if event.type in meant.types), default=None)
    days = {newest - timedelta(days=back) for back in range(count)} if newest else set()
    return [thing for thing in found if day_of(thing[column]) in days]


def day_of(value: date | datetime | None) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def _elements(meant: Meant, thing: Scope) -> list[Scope]:
    made = [{**thing, meant.each[1]: item} for item in thing[meant.each[0]] or ()] if meant.each else [thing]
    return [element for element in made if meant.where is None or meant.where.means(element)]


def _value(meant: Meant, name: str, element: Scope) -> Any:
    made = meant.columns.get(name)
    return made.means(element) if isinstance(made, Piece) else element[name]


def _over(made: Any, members: Iterable[Scope]) -> Any:
    way, piece = made
    return reduced(way, [value for member in members if (value := piece.means(member)) is not None])


# Drawing one


def _over_null(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else function(value)


def _derived(known: Sequence[Piece]) -> list[Piece]:
    """The pieces, and more made of each."""
    made = list(known)
    for one in known:
        means = one.means
        if one.kind in SUMMED:
            more = [
                ("({}) + 1", lambda v: v + 1, one.kind),
                ("CASE WHEN ({0}) > 0 THEN ({0}) END", lambda v: v if v > 0 else None, one.kind),
            ]
            more.append(("({}) > 0", lambda v: v > 0, "BOOLEAN"))
        elif one.kind == "VARCHAR":
            more = [
                ("({}) || '…'", lambda v: v + "…", "VARCHAR"),
                ("length({})", len, "BIGINT"),
                ("({}) > 'a'", lambda v: v > "a", "BOOLEAN"),
            ]
            more.append(("CASE WHEN ({0}) <> '' THEN ({0}) END", lambda v: v or None, "VARCHAR"))
        elif one.kind == "TIMESTAMPTZ":
            more = [("CAST(({}) AS DATE)", datetime.date, "DATE")]
        else:
            more = []
        made += [Piece(sql.format(one.sql), _composed(_over_null(f), means), kind) for sql, f, kind in more]
        made.append(Piece(f"({one.sql}) IS NULL", _composed(lambda v: v is None, means), "BOOLEAN"))
    return made


def _composed(after: Callable[[Any], Any], before: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda given: after(before(given))


def _of_field(name: str, kind: str) -> Piece:
    def means(event: Told) -> Any:
        value = event.values.get(name)
        return [{k: line.get(k) for k in ("sku", "quantity", "eur")} for line in value] if kind == "LINES" and value is not None else value

    return Piece(name, means, kind)


def _of_column(name: str, kind: str) -> Piece:
    return Piece(name, lambda scope: scope[name], kind)


_ENVELOPE = [
    Piece("time", lambda e: e.time, "TIMESTAMPTZ"),
    Piece("subject", lambda e: e.subject, "VARCHAR"),
    Piece("position", lambda e: e.position, "BIGINT"),
]
OF_EVENTS = {name: _derived([_of_field(f, kind) for f, kind in fields.items()] + _ENVELOPE) for name, fields in FIELDS.items()}
KEYS = [
    {"id_": _of_field("id_", "VARCHAR")},
    {"id_": _of_field("id_", "VARCHAR"), "part": _of_field("part", "BIGINT")},
    {"thing": Piece("id_ || '/' || part", lambda e: f"{e.values['id_']}/{e.values['part']}" if "id_" in e.values else None, "VARCHAR")},
]


def _of_kind(pieces: Iterable[Piece], *kinds: str) -> list[Piece]:
    return [piece for piece in pieces if piece.kind in kinds]


@st.composite
def columns_of_things(draw: st.DrawFn) -> Column:
    """A column folded from one to three event types, in any way that goes with its values."""
    way = draw(st.sampled_from(["count", "sum", "min", "max", "first", "last", "count_distinct"]))
    kinds = SUMMED if way == "sum" else (*ORDERED, "TEXTS", "LINES") if way in ("count", "first", "last") else ORDERED
    kind = draw(st.sampled_from(kinds))
    able = [name for name in sorted(OF_EVENTS) if _of_kind(OF_EVENTS[name], kind)]
    names = draw(st.lists(st.sampled_from(able), min_size=1, unique=True))
    pieces = {name: draw(st.sampled_from(_of_kind(OF_EVENTS[name], kind))) for name in names}
    return Column(way, pieces, "BIGINT" if way in ("count", "count_distinct") else kind)


@st.composite
def projections(draw: st.DrawFn) -> Meant:
    """Any projection: of any columns, with and without each, where, by, a window or a partition."""
    key = draw(st.sampled_from(KEYS))
    found = draw(st.lists(columns_of_things(), min_size=1, max_size=4))
    made = {f"c{number}": column for number, column in enumerate(found)}
    if draw(st.booleans()):
        piece = draw(st.sampled_from(_of_kind(OF_EVENTS["Placed"], "TIMESTAMPTZ", "DATE")))
        made["dated"] = Column(draw(st.sampled_from(["first", "last"])), {"Placed": piece}, piece.kind)
    if draw(st.booleans()):
        made["listed"] = Column("last", {"Placed": _of_field("lines", "LINES")}, "LINES")
    kinds = {name: piece.kind for name, piece in key.items()} | {name: column.kind for name, column in made.items()}
    each, element = draw(_each(kinds))
    of_thing = _derived([_of_column(name, kind) for name, kind in kinds.items()])
    scope = [*of_thing, *_derived(element)]
    where = draw(st.sampled_from(_of_kind(scope, "BOOLEAN"))) if draw(st.sampled_from([False, False, True])) else None
    meant = Meant(key, made, {}, each=each, where=where)
    meant = replace(meant, **(draw(_groups(scope)) if draw(st.booleans()) else draw(_plain(scope, kinds))))
    return replace(meant, **draw(_days(meant, of_thing, kinds)))


@st.composite
def _each(draw: st.DrawFn, kinds: Mapping[str, str]) -> tuple[tuple[str, str] | None, list[Piece]]:
    """A list to take apart, if there is one, and the pieces that an element has."""
    lists = [name for name, kind in kinds.items() if kind in ("TEXTS", "LINES")]
    if not lists or draw(st.sampled_from([True, False, False])):
        return None, []
    name = draw(st.sampled_from(lists))
    if kinds[name] == "TEXTS":
        return (name, "tag"), [_of_column("tag", "VARCHAR")]
    inside = {"sku": "VARCHAR", "quantity": "BIGINT", "eur": "DECIMAL"}
    return (name, "line"), [Piece(f"line.{f}", _item(f), kind) for f, kind in inside.items()]


def _item(name: str) -> Callable[[Scope], Any]:
    return lambda scope: scope["line"][name]


@st.composite
def _groups(draw: st.DrawFn, scope: list[Piece]) -> dict[str, Any]:
    by = draw(st.lists(st.sampled_from(_of_kind(scope, *ORDERED)), max_size=2))
    aggregates = []
    for way in draw(st.lists(st.sampled_from(["count", "sum", "min", "max", "count_distinct"]), min_size=1, max_size=3)):
        able = _of_kind(scope, *(SUMMED if way == "sum" else ORDERED))
        aggregates.append((way, draw(st.sampled_from([*able, *([Piece("1", lambda _: 1, "BIGINT")] if way != "sum" or not able else [])]))))
    return {"by": {f"g{n}": piece for n, piece in enumerate(by)}, "columns": {f"r{n}": made for n, made in enumerate(aggregates)}}


@st.composite
def _plain(draw: st.DrawFn, scope: list[Piece], kinds: Mapping[str, str]) -> dict[str, Any]:
    found = draw(st.lists(st.sampled_from(scope), max_size=3))
    plain = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=0 if found else 1, unique=True))
    return {"columns": {f"r{n}": piece for n, piece in enumerate(found)}, "plain": plain}


@st.composite
def _days(draw: st.DrawFn, meant: Meant, of_thing: list[Piece], kinds: Mapping[str, str]) -> dict[str, Any]:
    """A window, a partition, or neither."""
    dated = [name for name, kind in kinds.items() if kind in ("DATE", "TIMESTAMPTZ")]
    choice = draw(st.sampled_from(["", "within", "partition", "partition"])) if dated else ""
    if not choice:
        return {}
    if choice == "within":
        return {"within": (draw(st.sampled_from([1, 2, 41])), draw(st.sampled_from(dated)))}
    day = draw(st.sampled_from(_of_kind(of_thing, "DATE")))
    if meant.by is not None:
        return {"partitioned_by": "on_day", "by": {**meant.by, "on_day": day}}
    return {"partitioned_by": "on_day", "columns": {**meant.columns, "on_day": day}}


def frozen(value: Any) -> Any:
    """The value so that equal ones are one key of a dictionary, numbers whatever their type."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if isinstance(value, dict):
        return tuple((name, frozen(item)) for name, item in value.items())
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value
