"""One published row, found by its key as a person writes it: `customer_id=c-4711 category=books`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dagmesh.audit.literals import quoted, text
from dagmesh.consume.resolver import Reading, Resolver
from dagmesh.errors import AccessRefused, AddressError, NotPublished, nearest, one_of
from dagmesh.model.address import Address

if TYPE_CHECKING:
    import duckdb

SHOWN = 20  # rows that an error or a trace lists
_LOOKED_AT = 10_000  # values among which the nearest is looked for


@dataclass(frozen=True)
class PublishedRow:
    """A row of a snapshot: its values by column, and as texts that DuckDB reads as the columns' types."""

    reading: Reading
    values: Mapping[str, Any]
    texts: Mapping[str, str | None]

    @property
    def key(self) -> dict[str, Any]:
        """What names the row: the contract's key columns, or all columns where it has no key."""
        return {name: self.values[name] for name in key_columns(self.reading.product)}

    @property
    def day(self) -> date | None:
        """The day that it belongs to; None in a whole product."""
        column = self.reading.product["partitioned_by"]
        day: date | None = self.values[column] if column else None
        return day


def key_columns(product: Mapping[str, Any]) -> list[str]:
    """The columns that name a row of a product, described as JSON values."""
    columns = product["contract"]["columns"]
    return [column["name"] for column in columns if column["key"]] or [column["name"] for column in columns]


def in_words(key: Mapping[str, Any]) -> str:
    """A key as a person writes it."""
    return " ".join(f"{name}={value}" for name, value in key.items())


def check_column(reader: str, look: Any, column: str) -> None:
    """Nothing, when the product has the column and the reader sees it.

    Raises:
        AddressError: there is no such column. AccessRefused: its values are hidden.
    """
    columns = [described["name"] for described in look.product["contract"]["columns"]]
    if column not in columns:
        raise AddressError(f"{look.address} has no column '{column}'; choose {one_of(columns)}.{nearest(column, columns)}")
    if column in look.hidden:
        message = f"{reader} does not see the values of {column} in {look.address}, so nothing of them can be traced for it."
        raise AccessRefused(message, reader=reader, address=str(look.address))


def published_row(
    con: duckdb.DuckDBPyConnection, resolver: Resolver, address: Address, key: Mapping[str, str], column: str
) -> PublishedRow:
    """The one row of a snapshot that has these values.

    Args:
        con: where it is read.
        resolver: reads it, and records that.
        address: the product, and the snapshot if it is not the newest.
        key: texts by column.
        column: what is wanted of the row.

    Raises:
        AddressError: no such column, no value of its type, or several rows; the message names them.
        NotPublished: there is no such row; the message names the nearest value.
        AccessRefused, UntrustedSnapshot: see `Resolver.resolve`.
    """
    look = resolver.look(address)
    for name in (*key, column):
        check_column(resolver.reader, look, name)
    reading = resolver.resolve(look.address, _days(look.product, key))
    found = rows_with(con, reading, key)
    if not found:
        raise _no_row(con, reading, key)
    if len(found) > 1:
        raise _several(found, key)
    return found[0]


def rows_with(con: duckdb.DuckDBPyConnection, reading: Reading, key: Mapping[str, str | None]) -> list[PublishedRow]:
    """The first rows, in order, that have these values as texts, one more than are ever shown.

    Raises:
        AddressError: a text is no value of its column's type.
    """
    import duckdb

    names = [described["name"] for described in reading.product["contract"]["columns"]]
    columns = ", ".join(map(quoted, names))
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
    wanted = f"FROM {reading.sql} WHERE {_condition(reading.product, key)} ORDER BY ALL LIMIT {SHOWN + 1}"
    try:
        rows = con.execute(f"SELECT {columns}, {texts} {wanted}").fetchall()
    except duckdb.ConversionException as error:
        said = str(error).partition("\n")[0]
        raise AddressError(f"{reading.address}: {in_words(key)} is no value of its column: {said}.") from error
    half = len(names)
    return [PublishedRow(reading, dict(zip(names, row[:half], strict=True)), dict(zip(names, row[half:], strict=True))) for row in rows]


def count_with(con: duckdb.DuckDBPyConnection, reading: Reading, key: Mapping[str, str | None]) -> int:
    """How many rows have these values."""
    [(count,)] = con.execute(f"SELECT count(*) FROM {reading.sql} WHERE {_condition(reading.product, key)}").fetchall()
    return int(count)


def _days(product: Mapping[str, Any], key: Mapping[str, str]) -> set[date] | None:
    """The day that the key names, so that only its files are read; None where it names none, or what is none."""
    said = key.get(product["partitioned_by"] or "")
    try:
        return {date.fromisoformat(said)} if said else None
    except ValueError:
        return None


def _condition(product: Mapping[str, Any], key: Mapping[str, str | None]) -> str:
    types = {column["name"]: column["type"] for column in product["contract"]["columns"]}
    said = (f"{quoted(n)} IS NULL" if v is None else f"{quoted(n)} = CAST({text(v)} AS {types[n]})" for n, v in key.items())
    return " AND ".join(["true", *said])


def _no_row(con: duckdb.DuckDBPyConnection, reading: Reading, key: Mapping[str, str]) -> NotPublished:
    """The error, with the nearest value of a column for which the rest of the key has rows."""
    near = ""
    for name, value in key.items():
        rest = _condition(reading.product, {other: said for other, said in key.items() if other != name})
        values = f"SELECT DISTINCT CAST({quoted(name)} AS VARCHAR) FROM {reading.sql} WHERE {rest} LIMIT {_LOOKED_AT}"
        near = near or nearest(value, [said for (said,) in con.execute(values).fetchall() if said is not None])
    return NotPublished(f"{reading.address} has no row with {in_words(key)}.{near}", address=str(reading.address))


def _several(rows: Sequence[PublishedRow], key: Mapping[str, str]) -> AddressError:
    shown = [in_words({name: value for name, value in row.key.items() if name not in key}) for row in rows[:SHOWN]]
    rest = "; and more" if len(rows) > SHOWN else ""
    asked = f"rows with {in_words(key)}" if key else "rows"
    return AddressError(f"{rows[0].reading.address} has several {asked}; say also which of: {'; '.join(shown)}{rest}.")
