"""What a shop sold: two small products, one a day and one whole, in a lake of their own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import dagmesh as dm
from dagmesh.lake.lake import Lake
from dagmesh.lake.publication import Record
from dagmesh.lake.snapshot import Snapshot
from dagmesh.lake.stage import Stage
from dagmesh.lake.table import Table
from dagmesh.model.domain import Product

MADE_OF = "0123456789abcdef"
START = datetime(2100, 1, 1, tzinfo=UTC)  # later than any file is written
Rows = Mapping[date, Sequence[int]]


class Lines(dm.Contract):
    """One row per line of an order."""

    sold_on: date = dm.field(key=True, description="UTC day of the sale.")
    line_id: int = dm.field(key=True, description="Number of the line.")
    amount_eur: Decimal = dm.field(unit="EUR", description="Paid for the line.")
    note: str | None = dm.field(description="What the buyer wrote.")


class Categories(dm.Contract):
    """One row per category."""

    category_id: int = dm.field(key=True, description="Number of the category.")
    tags: list[str] = dm.field(description="Words to find it by.")


@dm.data_product(contract=Lines, version="1.2.0", serves=["finance"], promise=dm.Promise(), partitioned_by="sold_on")
def lines(sales: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return sales


@dm.data_product(contract=Categories, version="2.0.0", serves=[], promise=dm.Promise())
def categories(sales: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return sales


@dataclass
class Shop:
    """A lake, a clock that goes on by an hour a publication, and short words for what tests do."""

    lake: Lake
    con: duckdb.DuckDBPyConnection
    now: datetime = START
    daily: Product = field(default_factory=lambda: lines.in_domain("orders", "team:orders", None))
    whole: Product = field(default_factory=lambda: categories.in_domain("orders", "team:orders", None))

    def table(self, product: Product | None = None) -> Table:
        return self.lake.table((product or self.daily).address)

    def stage(self, rows: Rows, days: Sequence[date] | None = None, product: Product | None = None) -> Stage:
        """The rows, given as the numbers of the lines of each day, staged for these days (by default those of the rows)."""
        product = product or self.daily
        stage = self.table(product).stage(self.con, sales(rows), product, list(rows) if days is None else days)
        return stage.with_row_hashes(self.con, {})

    def stage_whole(self, numbers: Sequence[int]) -> Stage:
        sql = f"(SELECT unnest({list(numbers)}::BIGINT[]) AS category_id, ['a', 'b'] AS tags)"
        return self.table(self.whole).stage(self.con, sql, self.whole, []).with_row_hashes(self.con, {})

    def publish(self, rows: Rows, **said: object) -> Snapshot:
        return self.publish_stage(self.stage(rows), **said)

    def publish_whole(self, numbers: Sequence[int], **said: object) -> Snapshot:
        return self.publish_stage(self.stage_whole(numbers), **said)

    def publish_stage(self, stage: Stage, days: Sequence[date] | None = None, **said: object) -> Snapshot:
        """The snapshot of the staged days, said to be published an hour after the last."""
        self.now += timedelta(hours=1)
        days = list(stage.days) if days is None else days
        record = Record(**{"run_id": "run-1", "published_at": self.now, "made_of": dict.fromkeys([*days, None], MADE_OF), **said})
        snapshot = self.table(stage.product).publish(stage, days, record, self.key)
        stage.discard()
        return snapshot

    @property
    def key(self):
        return self.lake.signing_key("orders")

    def rows(self, snapshot: Snapshot, days: Sequence[date] | None = None) -> dict[date, list[int]]:
        """The line numbers of each day that has any."""
        found: dict[date, list[int]] = {}
        for day, number in self.con.execute(f"SELECT sold_on, line_id FROM {snapshot.sql(days)} ORDER BY ALL").fetchall():
            found.setdefault(day, []).append(number)
        return found

    def folder(self, product: Product | None = None) -> Path:
        """The table's folder."""
        return Path(self.table(product).place.storage.root)

    def data_file(self, snapshot: Snapshot) -> Path:
        """A data file of the snapshot."""
        return self.folder() / snapshot.files[0].path


def sales(rows: Rows) -> str:
    """FROM-able text of lines; column order is not the contract's and the types only cast to it."""
    pairs = [f"({number}, DATE '{day}')" for day, numbers in rows.items() for number in numbers]
    values = ", ".join(pairs) or "(NULL, NULL)"
    where = "" if pairs else " WHERE false"
    return f"(SELECT 1.5 AS amount_eur, 'n' || n AS note, n AS line_id, d AS sold_on FROM (VALUES {values}) AS v(n, d){where})"


def make_shop(folder: Path, root: str | None = None) -> Shop:
    lake = Lake(root or str(folder / "lake"), folder / "home")
    return Shop(lake, lake.connect())


@pytest.fixture(scope="session")
def open_shop() -> Callable[..., Shop]:
    """Opens the shop in a folder, its lake there or at a URL."""
    return make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = make_shop(tmp_path)
    yield shop
    shop.con.close()
