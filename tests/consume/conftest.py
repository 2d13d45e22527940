"""A lake with a shop's products to read: a daily one, a whole one with private columns in two majors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import duckdb
import pytest
import yaml

import dagmesh as dm
from dagmesh.consume.connection import Connection
from dagmesh.consume.grants import Grants
from dagmesh.consume.resolver import Resolver
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.lake.snapshot import Snapshot
from dagmesh.model.domain import Product

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))


class Orders(dm.Contract):
    """One row per order."""

    order_id: int = dm.field(key=True, description="Number of the order.")
    ordered_on: date = dm.field(description="UTC day of the order.")
    placed_at: datetime = dm.field(description="When it was placed.")
    total_eur: Decimal = dm.field(unit="EUR", description="What it cost.")


class Profiles(dm.Contract):
    """One row per customer."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="The customer.")
    email: str = dm.field(classification="pii", description="Where they are written to.")
    born_on: date | None = dm.field(classification="pii", description="Day of birth.")
    credit_eur: Annotated[Decimal, dm.digits(12, 4)] = dm.field(classification="confidential", unit="EUR", description="Credit.")
    seen_at: datetime = dm.field(classification="confidential", description="Last visit.")
    tags: list[str] = dm.field(classification="confidential", description="What they like.")
    city: str = dm.field(classification="internal", description="Where they live.")


class SlimProfiles(dm.Contract):
    """One row per customer."""

    customer_id: str = dm.field(key=True, description="The customer.")


@dm.data_product(contract=Orders, version="1.4.0", serves=["finance"], promise=dm.Promise(), partitioned_by="ordered_on")
def orders(sales: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return sales


@dm.data_product(contract=Profiles, version="1.0.0", serves=["marketing", "risk"], promise=dm.Promise(), support="crm@example.com")
def profiles(people: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return people


@dm.data_product(contract=SlimProfiles, version="10.0.0", serves=[], promise=dm.Promise(), name="profiles")
def slim_profiles(people: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return people


PEOPLE = """(VALUES
    ('c1', 'ada@example.com', DATE '1990-12-10', 12.5::DECIMAL(12, 4), TIMESTAMPTZ '2026-11-16 08:00:00+00', ['tea'], 'Graz'),
    ('c2', 'bob@example.com', NULL, 0::DECIMAL(12, 4), TIMESTAMPTZ '2026-11-17 09:30:00+00', [], 'Linz')
) AS p(customer_id, email, born_on, credit_eur, seen_at, tags, city)"""


@dataclass
class Shop:
    """A lake, a clock that goes on by an hour a publication, and short words for what tests do."""

    lake: Lake
    con: duckdb.DuckDBPyConnection
    now: datetime = datetime(2026, 11, 19, tzinfo=UTC)
    orders: Product = field(default_factory=lambda: orders.in_domain("orders", "team:orders", None))
    profiles: Product = field(default_factory=lambda: profiles.in_domain("customers", "team:customers", None))
    slim_profiles: Product = field(default_factory=lambda: slim_profiles.in_domain("customers", "team:customers", None))

    def publish(self, product: Product, sql: str, days: Sequence[date] = (), **said: object) -> Snapshot:
        self.now += timedelta(hours=1)
        table = self.lake.table(product.address)
        stage = table.stage(self.con, sql, product, days).with_row_hashes(self.con, {})
        record = Record(**{"run_id": "run-1", "published_at": self.now, "made_of": dict.fromkeys([*days, None], "0" * 16), **said})
        return table.publish(stage, days, record, self.lake.signing_key(product.domain))

    def publish_orders(self, totals: dict[date, Sequence[int]], **said: object) -> Snapshot:
        """One order for each total; the number of an order is its day's number and its place."""
        rows = [(day.day * 100 + place, day, total) for day, some in totals.items() for place, total in enumerate(some)]
        values = ", ".join(f"({number}, DATE '{day}', TIMESTAMPTZ '{day} 23:30:00+00', {total})" for number, day, total in rows)
        empty = "(SELECT NULL, NULL, NULL, NULL WHERE false)"
        sql = f"(VALUES {values})" if values else empty
        return self.publish(self.orders, f"{sql} AS o(order_id, ordered_on, placed_at, total_eur)", list(totals), **said)

    def publish_profiles(self) -> Snapshot:
        return self.publish(self.profiles, PEOPLE)

    def reads(self, reader: str = "analyst") -> Connection:
        return Connection(Resolver(self.lake, reader, Grants(self.root)))

    @property
    def root(self) -> Path:
        """The mesh's root, where the grants are."""
        return self.lake.home.parent

    def resolver(self, reader: str, **said: object) -> Resolver:
        return Resolver(self.lake, reader, Grants(self.root), **said)

    def grant(self, **said: object) -> Path:
        """Write a grant of customers on its profiles, by default finance's on the e-mail addresses; None leaves a field out."""
        good = {"consumer": "finance", "product": "profiles", "majors": [1], "columns": ["email"], "purpose": "Write bills."}
        good |= {"expires": "2099-12-31", "status": "approved", "approver": "team:customers"}
        fields = {name: value for name, value in {**good, **said}.items() if value is not None}
        file = self.root / f"domains/customers/grants/{fields['consumer']}.{fields['product']}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(fields))
        return file


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    lake = Lake(str(tmp_path / "lake"), tmp_path / "home")
    con = lake.connect()
    yield Shop(lake, con)
    con.close()
