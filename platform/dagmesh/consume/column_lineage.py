"""Column lineage of a product in SQL, from a rehearsal: its function is called once on empty tables that look like its inputs.

What it gives back is a view of views in DuckDB's own catalogue, whether it was written with `dm.sql`, in several steps or
with methods of relations; the views' texts say what each column is made of. A projection is rehearsed as the query that it
compiles to. Products that compute in pandas, Polars or Arrow have none: their columns are what Python made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from dagmesh.audit.literals import quoted
from dagmesh.consume.empty_catalogue import empty_catalogue, schema, views
from dagmesh.consume.remembered_lineage import remembered
from dagmesh.errors import AddressError, NotPublished, nearest, one_of
from dagmesh.events.declared import declared as events_of
from dagmesh.events.event_type import EventType
from dagmesh.events.projections.rows import whole_sql
from dagmesh.events.upcast import empty
from dagmesh.lake.history import history
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.domain import Product
from dagmesh.model.lineage import USE, VALUE, Derived, Lineage, Made, tree
from dagmesh.model.product import Read
from dagmesh.model.projection import Events

if TYPE_CHECKING:
    import duckdb

    from dagmesh.consume.sql_lineage import Leaves, Schema

Types = Mapping[str, str]
ANY_DAY = date(2026, 1, 1)
RESULT = "what is given back"


@dataclass(frozen=True)
class Port:
    """What one parameter reads: an address or a private table's name, with its columns and their DuckDB types.

    Of a feed it is the feed's name, with the types of events that its domain declares, by name, each in the newest version.
    """

    source: str
    types: Types = field(default_factory=dict)
    events: Mapping[str, EventType] = field(default_factory=dict)

    @property
    def personal(self) -> Iterator[tuple[str, str]]:
        """The fields of its events that hold personal values, with its name."""
        return ((self.source, one.column) for kind in self.events.values() for one in kind.fields.values() if one.personal)


def derived(lake: Lake, product: Product, declared: Mapping[str, Mapping[str, Any]], newest: Mapping[str, Address]) -> Derived:
    """What each column of the product is made of, its inputs being what they are now; for the arguments see `ports_of`.

    Raises:
        NotPublished: the columns of an input are known nowhere yet.
    """
    ports = ports_of(lake, product, declared, newest)
    return remembered(lake.home, product, ports, lambda: column_lineage(product, ports))


def published_lineage(lake: Lake, source: str) -> Lineage:
    """What each column of a product is made of, as its newest trusted publication says; empty of a private table, and of what has none."""
    if "." not in source:
        return {}
    past = history(lake.table(Address.parse(source)).place)
    return next((found.publication.lineage for found in past if found.trusted), {})


def trees(lake: Lake, address: Address, column: str | None = None) -> list[Made]:
    """What one column of a published product, or each of them in the contract's order, is made of across products.

    Raises:
        NotPublished, UntrustedSnapshot: the product cannot be read, or its columns' lineage is not recorded.
        AddressError: it has no such column.
    """
    publication = lake.table(address).snapshot().publication
    columns = [name for name, _ in publication.columns]
    if column is not None and column not in columns:
        raise AddressError(f"{address} has no column '{column}'; choose {one_of(columns)}.{nearest(column, columns)}")
    if not publication.lineage:
        raise NotPublished(
            f"{address} has no column lineage: products in SQL have one, from the first publication by this dagmesh on, and those "
            f"that compute in pandas, Polars or Arrow have none. Publish it: dagmesh run {address.name}",
            address=str(address),
        )
    known = cache(lambda source: published_lineage(lake, source))
    return [tree(str(address), name, known) for name in ([column] if column else columns)]


def ports_of(lake: Lake, product: Product, declared: Mapping[str, Mapping[str, Any]], newest: Mapping[str, Address]) -> dict[str, Port]:
    """What each of a product's parameters reads.

    Args:
        lake: where published products and private tables are.
        product: the product.
        declared: products as files describe them now, by address, the product's own domain's among them; what is not
            among them is as it was published.
        newest: the addresses of the newest majors of its domain's products, by name.

    Raises:
        NotPublished: the columns of an input are known nowhere yet.
    """
    return {read.parameter: _port(lake, product, read, declared, newest) for read in product.inputs}


def _port(lake: Lake, product: Product, read: Read, declared: Mapping[str, Mapping[str, Any]], newest: Mapping[str, Address]) -> Port:
    if read.form == "events":
        return Port(read.source, events={kind.name: kind for kind in events_of(product.domain).types.values()})  # sorted: the newest last
    address = read.address or newest.get(read.source)
    if address is None:
        return Port(read.source, dict(lake.private(product.domain).table(read.source).columns()))
    described = declared.get(str(address))
    if described is None:
        described = lake.table(address).snapshot().publication.product
    return Port(str(address), {column["name"]: column["type"] for column in described["contract"]["columns"]})


def column_lineage(product: Product, ports: Mapping[str, Port]) -> Derived:
    """What each column of the product is made of.

    Args:
        product: the product.
        ports: for each parameter that is data what it reads.
    """
    personal = frozenset(found for port in ports.values() for found in port.personal)
    others = {read.form for read in product.inputs} | {product.form}
    if others := others - {"duckdb", "events", "projection"}:
        return Derived(why=f"it computes in {' and '.join(sorted(others))}", personal=personal)
    # Imported here because sqlglot takes a third of a second.
    from dagmesh.consume.sql_lineage import NotRead

    with empty_catalogue() as con:
        try:
            view = _rehearsed(con, product, ports)
            made = _traced(view, views(con), schema(con), {})
        except NotRead as error:
            return Derived(why=str(error), personal=personal)
        except Exception as error:  # noqa: BLE001  # the function's own code may dislike empty tables; nobody needs to care
            why = f"its function does not run on empty tables: {type(error).__name__}: {str(error).splitlines()[0]}"
            return Derived(why=why, personal=personal)
    return Derived({column: _parts(leaves, _sources(product, ports)) for column, leaves in made.items()}, personal=personal)


def _table(parameter: str) -> str:
    return f"input {parameter}"  # a name with a space cannot be one of the product's own


def _events(parameter: str, kind: str) -> str:
    return f"{_table(parameter)} {kind.lower()}"  # as sqlglot gives names back


def _sources(product: Product, ports: Mapping[str, Port]) -> dict[str, list[str]]:
    """What each table of the rehearsal stands for; events of a projection may have come by any of its feeds."""
    feeds = [port.source for port in ports.values()]
    found = {_table(parameter): [port.source] for parameter, port in ports.items()}
    for parameter, port in ports.items():
        found |= {_events(parameter, name): feeds if product.projection else [port.source] for name in port.events}
    return found


def _rehearsed(con: duckdb.DuckDBPyConnection, product: Product, ports: Mapping[str, Port]) -> str:
    """The name of a view of what the product's function gives back."""
    for parameter, port in ports.items():
        if not port.events:
            described = ", ".join(f"{quoted(name)} {kind}" for name, kind in port.types.items())
            con.execute(f"CREATE TABLE {quoted(_table(parameter))} ({described})")
        for name, kind in port.events.items():
            con.execute(f"CREATE TABLE {quoted(_events(parameter, name))} AS {empty(kind)}")
    if product.projection:
        some = next(iter(ports))
        # Only to break ties between events of one moment is a column made of their positions: nobody needs to see that.
        placeless = "SELECT * REPLACE (0::BIGINT AS position) FROM"
        relations = {name: f"({placeless} {quoted(_events(some, name))})" for name in product.projection.entity.types}
        columns = [column.name for column in product.contract.columns]
        con.execute(f"CREATE VIEW {quoted(RESULT)} AS {whole_sql(product.projection, columns, relations)}")
        return RESULT
    product.function(**{read.parameter: _argument(con, read) for read in product.reads}).create_view(RESULT)
    return RESULT


def _argument(con: duckdb.DuckDBPyConnection, read: Read) -> Any:
    if read.form == "events":
        return Events(read.source, lambda name: con.table(quoted(_events(read.parameter, name))))
    return ANY_DAY if read.form == "day" else con.table(quoted(_table(read.parameter)))


def _traced(table: str, views: Mapping[str, str], schema: Schema, known: dict[str, dict[str, Leaves]]) -> dict[str, Leaves]:
    """For each column of a view the inputs' columns it is made of, through all views between."""
    from dagmesh.consume.sql_lineage import NotRead, made_of

    if table not in known:
        found = list(made_of(views[table], schema).values())
        if len(found) != len(schema[table]):
            raise NotRead("a * stands for columns that its text does not name")
        traced = (_through(leaves, views, schema, known) for leaves in found)
        known[table] = dict(zip(schema[table], traced, strict=True))
    return known[table]


def _through(leaves: Leaves, views: Mapping[str, str], schema: Schema, known: dict[str, dict[str, Leaves]]) -> Leaves:
    from dagmesh.consume.sql_lineage import NotRead

    found: set[tuple[str, str, str]] = set()
    for table, column, way in leaves:
        if table not in schema:
            raise NotRead(f"it reads {table}, which is none of its inputs")
        columns = {name.lower(): name for name in schema[table]}
        name = columns[column.lower()]
        below = _traced(table, views, schema, known)[name] if table in views else {(table, name, VALUE)}
        found |= {(source, part, USE if USE in (way, how) else VALUE) for source, part, how in below}
    return frozenset(found)  # type: ignore[arg-type]  # the ways are the two there are


def _parts(leaves: Leaves, sources: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """What a column is made of as JSON values, by source and column; a column whose values are seen is not said to be used too."""
    named = {(source, column, way) for table, column, way in leaves for source in sources[table]}
    seen = {(source, column) for source, column, way in named if way == VALUE}
    kept = {(source, column, way) for source, column, way in named if way == VALUE or (source, column) not in seen}
    return [list(part) for part in sorted(kept)]
