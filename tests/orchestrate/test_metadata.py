"""What the Dagster UI shows of a product, from the first line of the catalogue to the plots of the profile."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
import duckdb
import pandas as pd
import pytest
from benchmarks.peers.counting import counted

import dagmesh as dm
from dagmesh.consume.usage.use import Use
from dagmesh.model.domain import Product
from dagmesh.orchestrate import metadata
from dagmesh.orchestrate.resources import uses_of_process

URI = "/lake/orders/refunds/v2"


class Refunds(dm.Contract):
    """One row per refund."""

    refund_id: str = dm.field(key=True, matches=r"^r\d+$", description="Number of the refund.")
    refunded_on: date = dm.field(description="UTC day of the refund.")
    email: str = dm.field(classification="pii", unique=True, description="Whom it was sent to.")
    amount_eur: Decimal = dm.field(ge=0, le=dm.rule(Decimal(1000), severity="warn", max_failing=0.01), unit="EUR", description="How much.")
    weight: Annotated[Decimal, dm.digits(9, 3)] | None = dm.field(unit="kg/parcel", description="Weight | per parcel,\nas weighed.")
    reason: Literal["broken", "late"] = dm.field(required=dm.rule(True, max_failing=0.02), description="Why.")
    asked_at: datetime = dm.field(description="When it was asked for.")
    paid_at: datetime = dm.field(ge=dm.column("asked_at"), classification="confidential", description="When.")

    @dm.check("amount_eur", "reason", description="late refunds are small | or none")
    def late_is_small(cls, rows: pd.DataFrame) -> pd.Series:  # Pandera's checks are class methods
        return (rows["reason"] != "late") | (rows["amount_eur"] < 100)


@dm.data_product(
    contract=Refunds,
    version="2.1.0",
    serves=["finance", "marketing"],
    promise=dm.Promise(available_by="07:30", timezone="Europe/Vienna", max_lag="36h", min_completeness=0.975, retention="90d"),
    partitioned_by="refunded_on",
    owner="team:orders",
    support="orders@example.com",
    documentation="https://example.com/refunds",
    price=dm.Price(Decimal("9.90"), per="month"),
    tags={"subject": "money"},
    description="What went back, to whom and why.",
)
def refunds(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return order_events


class Counts(dm.Contract):
    """One row."""

    count: int = dm.field(description="How many.")


@dm.data_product(contract=Counts, version="1.0.0", serves=[], promise=dm.Promise(), owner="team:orders", description="How many there are.")
def counts(order_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return order_events


@pytest.fixture
def rich() -> Product:
    return refunds.in_domain("orders", "team:orders", None)


@pytest.fixture
def plain() -> Product:
    return counts.in_domain("orders", "team:orders", None)


def shown(value: Any) -> Any:
    """A metadata value as JSON."""
    if isinstance(value, dg.TableSchema):
        return {"constraints": value.constraints.other if value.constraints else [], "columns": [shown(column) for column in value.columns]}
    if isinstance(value, dg.TableColumn):
        limits = {"nullable": value.constraints.nullable, "unique": value.constraints.unique, "other": value.constraints.other}
        return {"name": value.name, "type": value.type, "description": value.description, "tags": dict(value.tags), **limits}
    return value.value if isinstance(value, dg.MetadataValue) else value


def test_the_page_of_a_product(rich: Product, golden: Callable[[str, str], None]) -> None:
    golden("description.md", metadata.description(rich) + "\n")


def test_the_metadata_of_a_product(rich: Product, golden: Callable[[str, str], None]) -> None:
    found = {name: shown(value) for name, value in metadata.definition_metadata(rich, URI).items()}

    golden("definition_metadata.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def test_the_first_line_is_a_plain_sentence(rich: Product) -> None:
    assert metadata.description(rich).splitlines()[0] == "What went back, to whom and why."


def test_every_row_of_the_contracts_table_has_all_its_cells(rich: Product) -> None:
    table = [line for line in metadata.description(rich).splitlines() if line.startswith("|")]

    cells = [len(line.replace("\\|", "").split("|")) - 2 for line in table]

    assert len(table) == len(Refunds.columns) + 2
    assert cells == [6] * len(table)


def test_what_dagster_reads_by_name_is_there(rich: Product) -> None:
    found = metadata.definition_metadata(rich, URI)

    assert (found["dagster/uri"], found["dagster/table_name"]) == (URI, "orders.refunds@2")
    assert isinstance(found["dagster/column_schema"], dg.TableSchema)
    assert isinstance(found["documentation"], dg.UrlMetadataValue)


def test_what_a_product_does_not_say_is_not_shown(plain: Product) -> None:
    found = metadata.definition_metadata(plain, URI)

    assert not {"documentation", "price"} & set(found)
    assert (found["serves"], found["support"]) == ("nobody yet", "team:orders")


def test_a_contract_without_a_key_or_units_is_shown_too(plain: Product) -> None:
    schema = metadata.column_schema(plain.contract)

    assert schema.constraints is not None
    assert schema.constraints.other == ["One row."]
    assert dict(schema.columns[0].tags) == {"classification": "internal"}


def test_only_a_key_of_one_column_and_unique_columns_are_unique(rich: Product) -> None:
    unique = {column.name for column in metadata.column_schema(rich.contract).columns if column.constraints.unique}

    assert unique == {"refund_id", "email"}


def test_the_classes_of_the_columns_are_tags(rich: Product) -> None:
    assert metadata.tags(rich) == {
        "subject": "money",
        "dagmesh/product": "refunds",
        "dagmesh/major": "2",
        "class/internal": "",
        "class/pii": "",
        "class/confidential": "",
    }


def test_dagster_takes_the_tags_and_the_metadata(rich: Product) -> None:
    spec = dg.AssetSpec("refunds", tags=metadata.tags(rich), metadata=metadata.definition_metadata(rich, URI))

    assert spec.tags["dagmesh/product"] == "refunds"


def test_sample_rows_are_a_table_of_texts() -> None:
    table = metadata.sample_table([{"n": 1, "when": date(2026, 11, 19), "what": None}, {"n": 2, "when": None, "what": ["a"]}])

    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data for record in table.records] == [
        {"n": "1", "when": "2026-11-19", "what": "-"},
        {"n": "2", "when": "-", "what": "['a']"},
    ]
    assert [column.name for column in table.schema.columns] == ["n", "when", "what"]


def test_no_sample_rows_are_said_in_words() -> None:
    assert metadata.sample_table([]).value == "no rows"


def test_who_used_a_product_is_a_table_with_a_row_for_each_consumer() -> None:
    last = datetime(2026, 11, 19, 9, 30, tzinfo=UTC)
    uses = [Use("orders.orders", 1, "finance", 2, 0, 20, 200, 1, last), Use("orders.orders", 1, "risk", 0, 1, 0, 0, 0, None)]

    assert [record.data for record in metadata.used_by(uses).records] == [
        {"consumer": "finance", "reads": 2, "rows": 20, "bytes": 200, "who asked": 1, "last read": "2026-11-19 09:30"},
        {"consumer": "risk", "reads": 0, "rows": 0, "bytes": 0, "who asked": 0, "last read": "-"},
    ]
    assert metadata.used_by([]).value == "nobody yet"


def test_the_numbers_of_the_profile_are_plotted_and_the_rest_is_not(rich: Product) -> None:
    profile = {"amount_eur": {"min": 0.5, "max": 3, "nulls": 0}, "weight": {"nulls": 4}, "reason": {"distinct": 2, "top": "late"}}

    assert metadata.profile_numbers(rich.contract, profile) == {
        "profile/amount_eur/min": 0.5,
        "profile/amount_eur/max": 3,
        "profile/weight/nulls": 4,
        "profile/reason/distinct": 2,
    }


def test_the_log_of_reads_is_read_once_for_all_runs_of_a_process(tmp_path: Path) -> None:
    since = datetime(2026, 10, 1, tzinfo=UTC)

    with counted() as found:
        first = uses_of_process(str(tmp_path), since)
        asked = found()["queries"]
        again = uses_of_process(str(tmp_path), since)
        assert found()["queries"] == asked > 0

    assert first == again == []
