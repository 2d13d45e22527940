"""Hypothesis strategies: contracts with any rules the words allow, and rows that fit or break them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

import dagmesh as dm
from dagmesh.model.contract import CLASSIFICATIONS, MASKS, Column, Contract
from dagmesh.model.domain import Product
from dagmesh.model.product import Read
from dagmesh.model.types import ColumnType

TEXTS = [
    "a",
    "b",
    "A",
    "abc",
    "ab\n",
    "a\nb",
    "\n",
    "",
    "é",
    "e\u0301",
    "éàü",
    "😀",
    "👨‍👩‍👧",
    "x@y.zz",
    "x@y.zz\n",
    "SKU-000123",
    "SKU-١٢٣٤٥٦",
]
TEXTS += [
    "1",
    "٣",
    "a.c",
    "a+b",
    "NULL",
    "nan",
    " a",
    "a b",
    "\u00a0",
    "\x1c",
    "ß",
    "SS",
    "_",
    "a_b",
    "日本",
    "it's",
    '"',
    "\\",
    "\0",
    "%",
    "aaaa",
]
# What people write, what both engines read alike, and what only Python does.
PATTERNS = ["a", "a|b", "^a$", "a$", "$", "", "^", r"\d+", "[a-c]+", r"^[a-z]+@[a-z]+\.[a-z]{2,}$", r"^SKU-\d{6}$", ".", "a.b", "(a|b)c?"]
PATTERNS += [
    r"\Aa\Z",
    "[^a]",
    "é",
    r"a\.c",
    r"a\+b",
    r"\s",
    "a{0,2}$",
    " *a",
    r"[\d_]",
    "(?P<n>a)b",
    "(?:a|ab)$",
    "[]a]",
    r"[a\-z]",
    "a$|b",
    "it's",
]
PATTERNS += [
    r"\W",
    r"^\w+$",
    r"[^\W\d]",
    r"\S+$",
    "^.*$",
    "a{2}",
    "a{2,}?b?",
    "(^a|b)",
    r"a\Z|b",
    r"[\x00-\x1f]",
    "[^\n]$",
    r"\n$",
    r"\n\Z",
    '"',
    r"\\",
]
PATTERNS += [
    r"(?!x)a",
    "(?i)A",
    r"(a)\1",
    r"\bab",
    "(?s)a.b",
    "(?m)^b",
    "(?a)\\d",
    "(a*)*b",
    "(a|b*)+$",
    "(?=a)",
    "a*+b",
    "(?>a|ab)c",
    "(?i:a)b",
    "(?x) a",
]
INTS = [-1, 0, 1, 2, 3, 7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, 1.5, 2.0, 0.1, -3.25, 2.0**53, 5e-324, 1e308, float("inf"), float("-inf"), float("nan")]
DAYS = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31)]
MOMENTS = [
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
]
MOMENTS += [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)]
_WIDE = Context(prec=60)
PARTITIONS = [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)]
ITEMS = {"str": str, "int": int, "float": float, "timestamp": datetime, "date": date, "bool": bool}


@dataclass(frozen=True)
class Case:
    """A product, rows for it, and the days they were asked for."""

    product: Product
    rows: pa.Table
    days: tuple[date, ...]


def annotations() -> st.SearchStrategy[Any]:
    """Every row of the type table, decimals of any size and lists of every item."""
    sizes = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: Annotated[Decimal, dm.digits(p, s)]))
    # Hypothesis draws what stands first more often, and each of the five as often as another.
    text, number, other = st.just(str), st.sampled_from([int, float]), st.sampled_from([datetime, date, bool])
    lists = st.sampled_from(list(ITEMS.values())).map(lambda item: list[item])  # type: ignore[valid-type]  # a type made at run time
    return st.one_of(text, number, other, sizes, lists)


def values(kind: ColumnType) -> st.SearchStrategy[Any]:
    """Values a column of the type can hold, many of them equal, at the type's edges or between two engines' ideas."""
    if kind.digits:
        largest, scale = 10**kind.digits.precision - 1, kind.digits.scale
        units = st.one_of(st.sampled_from([0, 1, -1, largest, -largest]), st.integers(-min(largest, 300), min(largest, 300)))
        return units.map(lambda number: Decimal(number).scaleb(-scale, context=_WIDE))
    if kind.item:
        return st.lists(st.none() | values(kind.item), max_size=3)
    return {
        "int": st.sampled_from(INTS) | st.integers(-5, 5),
        "float": st.sampled_from(FLOATS) | st.sampled_from(FLOATS[-3:]) | st.floats(),
        "str": st.sampled_from(TEXTS) | st.text(max_size=3).filter(_storable),
        "bool": st.booleans(),
        "date": st.sampled_from(DAYS),
        "timestamp": st.sampled_from(MOMENTS),
    }[kind.kind]


def operands(kind: ColumnType) -> st.SearchStrategy[Any]:
    """Values a rule may compare a column of the type with, also ones the column cannot hold."""
    if kind.digits:
        finer = st.tuples(st.integers(-1000, 1000), st.integers(0, 4)).map(lambda v: Decimal(v[0]).scaleb(-v[1] - 1))
        return values(kind) | finer | st.integers(-3, 3) | st.sampled_from([10**40, Decimal("1E-30"), Decimal("-9.99E+37")])
    if kind.kind == "int":
        return values(kind) | st.sampled_from([2**63, -(2**63) - 1, 2**70, -(2**200)])
    if kind.kind == "float":
        return values(kind) | st.sampled_from([0, 1, 2, 2**53 + 1, 10**30])
    if kind.kind == "timestamp":
        zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
        return st.tuples(values(kind), zones).map(lambda v: v[0].astimezone(v[1]) if 1 < v[0].year < 9999 else v[0])
    return values(kind)


def arguments(kind: ColumnType, others: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some rules of `dm.field` for a column of the type; `others` are columns of the same type."""
    if kind.item:
        return st.fixed_dictionaries({}, optional={"unique": _tuned(st.just(True))})
    compared = operands(kind) | st.sampled_from(others).map(dm.column) if others else operands(kind)
    words: dict[str, Any] = dict.fromkeys(("ge", "gt", "le", "lt", "eq", "ne"), compared)
    words |= {word: st.lists(operands(kind), min_size=1, max_size=4) for word in ("isin", "notin")}
    if kind.kind == "str":
        words |= {word: st.sampled_from(PATTERNS) for word in ("matches", "contains")}
        words |= {word: st.sampled_from(TEXTS) for word in ("startswith", "endswith")}
        words |= {word: st.integers(0, 5) for word in ("min_length", "max_length")}
    words["unique"] = st.just(True)
    few = st.lists(st.sampled_from(sorted(words)), max_size=3, unique=True)
    return few.flatmap(lambda chosen: st.fixed_dictionaries({word: _tuned(words[word]) for word in chosen}))


def _tuned(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    tuned = st.tuples(value, st.sampled_from(["error", "warn"]), st.sampled_from([0, 0.25, 0.5, 1.0]))
    return value | tuned.map(lambda v: dm.rule(v[0], severity=v[1], max_failing=v[2]))


@st.composite
def contracts(draw: Callable[[Any], Any], *, key: str | None = None) -> type[Contract]:
    """A contract of one to four columns with rules and Python checks; `key` is a date column it has besides."""
    found = draw(st.lists(annotations(), min_size=1, max_size=4))
    types = {f"c{number}": annotation for number, annotation in enumerate(found)} | ({key: date} if key else {})
    keys = draw(st.sets(st.sampled_from(sorted(types)), max_size=2)) | ({key} if key else set())
    hints = {name: kind | None if name not in keys and draw(st.booleans()) else kind for name, kind in types.items()}
    plain = {name: _column(name, hint) for name, hint in hints.items()}
    fields = {}
    for name, column in plain.items():
        others = [other for other in plain if other != name and plain[other].type.kind == column.type.kind]
        given = draw(arguments(column.type, others))
        # The key of one column is unique already, and a rule has one name.
        given = {word: value for word, value in given.items() if not (word == "unique" and keys == {name})}
        fields[name] = dm.field(description="Any.", key=name in keys, **given)
    checks = draw(st.lists(st.sampled_from(sorted(CHECKS)), max_size=2, unique=True))
    namespace = {"__doc__": "One row per row.", "__annotations__": hints, "__module__": __name__, **fields}
    namespace |= {name: _check(name, draw(st.sampled_from(sorted(types)))) for name in checks}
    made: type[Contract] = type("Anything", (Contract,), namespace)
    assert not made.problems, made.problems
    return made


def _column(name: str, hint: Any) -> Column:
    made: type[Contract] = type(
        "One", (Contract,), {"__doc__": "One.", "__annotations__": {name: hint}, name: dm.field(description="Any.")}
    )
    return made.columns[0]


def _alternate(cls: type[Contract], series: pd.Series[Any]) -> pd.Series[bool]:
    return pd.Series([number % 3 != 0 for number in range(len(series))], index=series.index)


def _given_first(cls: type[Contract], frame: pd.DataFrame) -> pd.Series[bool]:
    return frame.iloc[:, 0].notna()


def _unknown(cls: type[Contract], series: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series([None if number % 2 else False for number in range(len(series))], index=series.index, dtype="boolean")


def _long(cls: type[Contract], series: pd.Series[Any]) -> pd.Series[bool]:
    return series.astype(str).str.len() > 1


CHECKS: dict[str, tuple[Callable[..., Any], bool]] = {
    "alternate": (_alternate, False),
    "enough": (lambda cls, series: len(series) > 1, False),
    "given_first": (_given_first, False),
    "long": (_long, True),
    "not_boolean": (lambda cls, series: series, False),
    "raising": (lambda cls, series: 1 / (len(series) - 3) > 0, False),
    "scalar_by_row": (lambda cls, series: True, True),
    "unknown": (_unknown, False),
}


def _check(name: str, column: str) -> Any:
    function, row_wise = CHECKS[name]

    def check(cls: type[Contract], data: Any) -> Any:
        return function(cls, data)

    needs = () if name == "given_first" else (column,)
    return dm.check(*needs, description=f"{name} of {column}", row_wise=row_wise)(check)


@st.composite
def cases(draw: Callable[[Any], Any]) -> Case:
    """A product, by day or whole, with up to 25 rows of it."""
    day = "order_date" if draw(st.booleans()) else None
    contract = draw(contracts(key=day))
    days = tuple(draw(st.lists(st.sampled_from(PARTITIONS), min_size=1, unique=True).map(sorted))) if day else ()
    count = draw(st.sampled_from([8, 3, 25, 1, 2, 0]))
    columns = {column.name: draw(_cells(column, count)) for column in contract.columns if column.name != day}
    columns |= {day: draw(st.lists(st.sampled_from(days), min_size=count, max_size=count))} if day else {}
    fields = [pa.field(column.name, arrow_type(column.type)) for column in contract.columns]
    rows = pa.table({field.name: pa.array(columns[field.name], field.type) for field in fields}, schema=pa.schema(fields))
    return Case(product(contract, day, draw(st.sampled_from([0.0, 0.5, 0.9]))), rows, days)


def _cells(column: Column, count: int) -> st.SearchStrategy[list[Any]]:
    """The cells of a column; now and then with NULLs, also where they are not allowed."""
    plain = st.lists(values(column.type), min_size=count, max_size=count)
    mixed = st.lists(st.none() | values(column.type), min_size=count, max_size=count)
    same = values(column.type).map(lambda value: [value] * count)
    return st.one_of(plain, mixed, same, st.just([None] * count))


def product(contract: type[Contract], day: str | None, min_completeness: float = 0.0) -> Product:
    """A product of the contract, of domain `shop`."""
    declared = dm.data_product(
        contract=contract,
        version="1.0.0",
        serves=[],
        promise=dm.Promise(min_completeness=min_completeness),
        owner="team:shop",
        description="Anything there is.",
        name="things",
        partitioned_by=day,
    )(_nothing)
    return declared.in_domain("shop", "team:shop", None)


def _nothing() -> pa.Table:
    """Give nothing."""


def arrow_type(kind: ColumnType) -> pa.DataType:
    """The type table's Arrow type."""
    if kind.digits:
        return pa.decimal128(kind.digits.precision, kind.digits.scale)
    if kind.item:
        return pa.list_(arrow_type(kind.item))
    plain = {"int": pa.int64(), "float": pa.float64(), "str": pa.string(), "bool": pa.bool_(), "date": pa.date32()}
    return plain.get(kind.kind, pa.timestamp("us", tz="UTC"))


def _storable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@st.composite
def products(draw: Callable[[Any], Any]) -> Product:
    """A product with all that can be said of one: handling of columns, reads with expectations, promise, price, sunset, consumers."""
    day = "order_date" if draw(st.booleans()) else None
    made = product(_handled(draw, draw(contracts(key=day))), day)
    return replace(
        made,
        domain=draw(st.sampled_from(["shop", "a1_b2", ""])),
        owner=draw(st.sampled_from(["team:shop", "team:A-1.b_c", "someone@example.org", ""])),
        version=draw(st.tuples(*[st.integers(0, 12)] * 3).map(lambda parts: "{}.{}.{}".format(*parts))),
        description=draw(_sentences()),
        serves=tuple(draw(st.lists(st.sampled_from(["marketing", "risk", "a_b"]), max_size=3))),
        reads=tuple(draw(st.lists(_reads(), max_size=2))),
        promise=draw(_promises()),
        documentation=draw(st.none() | st.sampled_from(["https://example.org/a?b=c#d", "http://x"])),
        tags=draw(st.dictionaries(_tag_words(1), _tag_words(0), max_size=3)),
        support=draw(st.none() | st.sampled_from(["a@b.org", "https://x.org/y", "#shop"]) | _sentences()),
        price=draw(st.none() | _prices()),
        sunset=draw(st.none() | st.sampled_from(DAYS)),
        accepts=tuple(draw(st.lists(st.sampled_from(["marketing.segments", "risk.signals"]), max_size=2))),
    )


def _handled(draw: Callable[[Any], Any], contract: type[Contract]) -> type[Contract]:
    """The contract, what is said of its columns' handling, units and choices being anything."""
    text = st.none() | _sentences()
    columns = []
    for column in contract.columns:
        said = {name: draw(text) for name in ("unit", "purpose", "declassified")}
        masks = MASKS if column.type.kind == "str" else ("null",)
        said |= {"classification": draw(st.sampled_from(CLASSIFICATIONS)), "mask": draw(st.none() | st.sampled_from(masks))}
        choices = draw(st.sampled_from([(), ("a", "B 1", "")])) if column.type.kind == "str" else ()
        columns.append(replace(column, type=replace(column.type, choices=choices), description=draw(_sentences()), **said))
    contract.columns, contract.grain = tuple(columns), draw(_sentences())
    return contract


def _sentences() -> st.SearchStrategy[str]:
    texts = st.sampled_from(TEXTS) | st.text(max_size=8).filter(_storable)
    return texts.filter(str.strip)


@st.composite
def _reads(draw: Callable[[Any], Any]) -> Read:
    source = draw(st.sampled_from(["orders.orders@1", "sample_records"]))
    expects, max_lag = (draw(st.none() | contracts()), draw(st.none() | st.sampled_from(["24h", "7d"]))) if "." in source else (None, None)
    days, late_days, purpose = draw(st.none() | st.integers(1, 90)), draw(st.integers(0, 3)), draw(st.none() | _sentences())
    return Read("rows", source, "duckdb", days, late_days, expects, max_lag, purpose)


def _tag_words(least: int) -> st.SearchStrategy[str]:
    return st.text("aZ9_.-", min_size=least, max_size=6)


def _promises() -> st.SearchStrategy[dm.Promise]:
    lengths = st.sampled_from(["24h", "007d", "0m", "90m", "400d"])
    shares = st.sampled_from([0, 1, 0.5, 0.98, 1 / 3]) | st.floats(0, 1)
    return st.builds(dm.Promise, st.sampled_from(["00:00", "08:00"]), st.sampled_from(["UTC", "Europe/Berlin"]), lengths, shares, lengths)


def _prices() -> st.SearchStrategy[dm.Price]:
    amounts = st.sampled_from(["0", "0.10", "1E+3", "12345678901234567890.123456789", "2.5", "1e-30"]).map(Decimal)
    return st.builds(dm.Price, amounts, st.sampled_from(["EUR", "USD"]), st.sampled_from(["month", "read", "1000 rows"]))
