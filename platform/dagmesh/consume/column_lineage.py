"""Column lineage of a product in SQL, from a rehearsal: its function is called once on empty tables that look like its inputs.

What it gives back is a view of views in DuckDB's own catalogue, whether it was written with `dm.sql`, in several steps or
with methods of relations; the views' texts say what each column is made of. Products that compute in pandas, Polars or
Arrow have none: their columns are what Python made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from dagmesh.audit.literals import quoted
from dagmesh.consume.remembered_lineage import remembered
from dagmesh.errors import AddressError, NotPublished, nearest, one_of
from dagmesh.lake.history import history
from dagmesh.lake.lake import Lake
from dagmesh.model.address import Address
from dagmesh.model.domain import Product
from dagmesh.model.lineage import USE, VALUE, Derived, Lineage, Made, tree
from dagmesh.model.product import Read

if TYPE_CHECKING:
    import duckdb

    from dagmesh.consume.sql_lineage import Leaves, Schema

Types = Mapping[str, str]
ANY_DAY = date(2026, 1, 1)
RESULT = "what is given back"


@dataclass(frozen=True)
class Port:
    """What one parameter reads: an address or a private table's name, with its columns and their DuckDB types."""

    source: str
    types: Types


def derived(lake: Lake, product: Product, declared: Mapping[str, Mapping[str, Any]]) -> Derived:
    """What each column of the product is made of, its inputs being what they are now; for the arguments see `ports_of`.

    Raises:
        NotPublished: the columns of an input are known nowhere yet.
    """
    ports = ports_of(lake, product, declared)
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


def ports_of(lake: Lake, product: Product, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Port]:
    """What each of a product's parameters reads.

    Args:
        lake: where published products and private tables are.
        product: the product.
        declared: products as files describe them now, by address, the product's own domain's among them; what is not
            among them is as it was published.

    Raises:
        NotPublished: the columns of an input are known nowhere yet.
    """
    return {read.parameter: _port(lake, product, read, declared) for read in product.inputs}


def _port(lake: Lake, product: Product, read: Read, declared: Mapping[str, Mapping[str, Any]]) -> Port:
    own = [Address.parse(text) for text, other in declared.items() if (other["domain"], other["name"]) == (product.domain, read.source)]
    address = read.address or max(own, default=None)
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
    forms = {read.form for read in product.inputs} | {product.form}
    if forms != {"duckdb"}:
        return Derived(why=f"it computes in {' and '.join(sorted(forms - {'duckdb'}))}")
    import duckdb

    # Imported here because sqlglot takes a third of a second.
    from dagmesh.consume.sql_lineage import NotRead

    with duckdb.connect(config={"enable_external_access": False}) as con:
        try:
            view = _rehearsed(con, product, ports)
            made = _traced(view, _views(con), _schema(con), {})
        except NotRead as error:
            return Derived(why=str(error))
        except Exception as error:  # noqa: BLE001  # the function's own code may dislike empty tables; nobody needs to care
            return Derived(why=f"its function does not run on empty tables: {type(error).__name__}: {str(error).splitlines()[0]}")
    sources = {_table(parameter): port.source for parameter, port in ports.items()}
    return Derived({column: _parts(leaves, sources) for column, leaves in made.items()})


def _table(parameter: str) -> str:
    return f"input {parameter}"  # a name with a space cannot be one of the product's own


def _rehearsed(con: duckdb.DuckDBPyConnection, product: Product, ports: Mapping[str, Port]) -> str:
    """The name of a view of what the product's function gives back."""
    con.execute("SET TimeZone = 'UTC'")
    for parameter, port in ports.items():
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in port.types.items())
        con.execute(f"CREATE TABLE {quoted(_table(parameter))} ({columns})")
    arguments = {read.parameter: ANY_DAY if read.form == "day" else con.table(quoted(_table(read.parameter))) for read in product.reads}
    product.function(**arguments).create_view(RESULT)
    return RESULT


def _views(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(con.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())


def _schema(con: duckdb.DuckDBPyConnection) -> Schema:
    schema: dict[str, dict[str, str]] = {}
    columns = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index"
    for table, column, kind in con.execute(columns).fetchall():
        schema.setdefault(table, {})[column] = kind
    return schema


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


def _parts(leaves: Leaves, sources: Mapping[str, str]) -> list[list[str]]:
    """What a column is made of as JSON values, by source and column; a column whose values are seen is not said to be used too."""
    seen = {(table, column) for table, column, way in leaves if way == VALUE}
    kept = {(sources[t], c, way) for t, c, way in leaves if way == VALUE or (t, c) not in seen}
    return [list(part) for part in sorted(kept)]
