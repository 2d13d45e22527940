"""Products as documents of the Open Data Contract Standard: valid, stable, and nothing lost on the way back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import duckdb
import jsonschema
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from tests.strategies import products

import dagmesh as dm
from dagmesh.errors import DefinitionError
from dagmesh.model.domain import Product
from dagmesh.model.odcs import from_odcs, to_odcs
from dagmesh.model.yaml_text import yaml_text

SCHEMA = Path(__file__).parents[1] / "standards" / "odcs-3.2.0.schema.json"
SETTINGS = settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Payments(dm.Contract):
    """One row per payment."""

    payment_id: str = dm.field(key=True, unique=True, matches="^P-|Q", description="Number.")
    paid_on: date = dm.field(key=True, le=date(2030, 1, 1), description="UTC day.")
    paid_at: datetime = dm.field(ge=datetime(2020, 1, 1, tzinfo=UTC), description="Moment.")
    state: Literal["new", "paid"] = dm.field(description="Where it stands.")
    total_eur: Decimal = dm.field(ge=0, lt=Decimal("1e6"), unit="EUR", description="Total.", classification="confidential")
    fee_eur: Annotated[Decimal, dm.digits(20, 4)] = dm.field(le=dm.column("total_eur_4"), description="Fee.")
    total_eur_4: Annotated[Decimal, dm.digits(20, 4)] = dm.field(isin=[Decimal("1.5"), 2], description="Total again.")
    payer_email: str | None = dm.field(
        classification="pii",
        purpose="refunds",
        mask="partial",
        min_length=dm.rule(3, severity="warn", max_failing=0.07),
        description="E-mail.",
    )
    risk: float = dm.field(required=dm.rule(True, max_failing=0.02), ge=0.5, declassified="a count", description="Score.")
    tags: list[str] = dm.field(description="Words.")

    @dm.check("total_eur", description="not all are free", severity="warn", max_failing=0.5, row_wise=True)
    def not_free(cls, series: pd.Series[Any]) -> pd.Series[bool]:
        return series > 0


class Needed(dm.Contract):
    """One row per order."""

    order_id: str = dm.field(key=True, description="Number.")


@dm.data_product(
    contract=Payments,
    version="2.1.0",
    serves=["finance", "risk"],
    promise=dm.Promise("09:30", "Europe/Berlin", "90m", 0.98, "400d"),
    reads={"orders": dm.read("orders.orders@1", days=7, expects=Needed, max_lag="24h", purpose="totals")},
    partitioned_by="paid_on",
    owner="team:payments",
    description="What was paid.",
    documentation="https://example.org/payments",
    tags={"subject": "money", "gold": ""},
    support="payments@example.org",
    price=dm.Price(Decimal("0.10")),
    sunset=date(2027, 6, 30),
    accepts=["finance.books"],
)
def payments(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Give the orders."""
    return orders


PAYMENTS: Product = payments.in_domain("shop", "team:shop", None)


@cache
def validator() -> jsonschema.Draft201909Validator:
    """Judges documents by the standard's own schema."""
    return jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def properties(document: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in document["schema"][0]["properties"]}


def as_text(value: Any) -> str:
    """A described product as text, because NaN equals nothing."""
    return json.dumps(value, sort_keys=True)


@SETTINGS
@given(product=products())
@example(product=PAYMENTS)
def test_a_product_comes_back_from_its_document_without_loss(product: Product) -> None:
    described = product.describe()

    assert as_text(from_odcs(to_odcs(described))) == as_text(described)


@SETTINGS
@given(product=products())
@example(product=PAYMENTS)
def test_a_product_comes_back_from_the_text_of_its_document_without_loss(product: Product) -> None:
    described = product.describe()

    assert as_text(from_odcs(yaml.safe_load(yaml_text(to_odcs(described))))) == as_text(described)


@settings(SETTINGS, max_examples=60)
@given(product=products())
@example(product=PAYMENTS)
def test_every_document_is_valid_by_the_standards_schema(product: Product) -> None:
    validator().validate(to_odcs(product.describe()))


def test_the_document_of_a_product_is_as_it_was_reviewed(golden: Any) -> None:
    golden("payments.odcs.yaml", yaml_text(to_odcs(PAYMENTS.describe())))


def test_the_text_of_a_document_is_the_same_each_time() -> None:
    assert yaml_text(to_odcs(PAYMENTS.describe())) == yaml_text(to_odcs(json.loads(json.dumps(PAYMENTS.describe()))))


@pytest.mark.parametrize(
    "text", ["0\x85", "a\u2028b", "\ufeffa", "1E+6", "0x1f", "09:30", "no", "~", "a\n b\n", "\t", "- x", "# x", "\0", "😀", ""]
)
def test_every_text_reads_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(yaml_text({"a": [text]})) == {"a": [text]}


def test_texts_that_are_numbers_to_other_readers_are_quoted() -> None:
    assert yaml_text(["1E+6", "0o17", "1.5", "v1"]) == "- '1E+6'\n- '0o17'\n- '1.5'\n- v1\n"


def test_the_standards_own_words_say_what_they_can() -> None:
    document = to_odcs(PAYMENTS.describe())
    found = properties(document)

    assert (document["status"], document["domain"], document["version"]) == ("deprecated", "shop", "2.1.0")
    assert document["team"] == {"name": "payments"}
    assert document["support"] == [{"channel": "payments@example.org", "url": "mailto:payments@example.org", "tool": "email"}]
    assert document["price"] == {"priceAmount": 0.1, "priceCurrency": "EUR", "priceUnit": "month"}
    assert document["roles"] == [{"role": "finance", "access": "read"}, {"role": "risk", "access": "read"}]
    assert document["slaProperties"] == [
        {"property": "timeOfAvailability", "value": "09:30", "valueExt": "Europe/Berlin"},
        {"property": "latency", "value": 90, "unit": "minutes"},
        {"property": "retention", "value": 400, "unit": "d"},
        {"property": "completeness", "value": 0.98},
        {"property": "endOfLife", "value": "2027-06-30"},
    ]
    assert found["state"]["enum"] == [{"value": "new"}, {"value": "paid"}]
    assert (found["paid_on"]["primaryKeyPosition"], found["paid_on"]["partitioned"], found["paid_on"]["required"]) == (2, True, True)
    assert found["payer_email"]["required"] is False
    assert found["tags"]["items"] == {"logicalType": "string", "physicalType": "VARCHAR"}


def test_limits_without_exceptions_are_said_in_the_standards_words_too() -> None:
    found = properties(to_odcs(PAYMENTS.describe()))

    assert found["paid_on"]["logicalTypeOptions"] == {"maximum": "2030-01-01"}
    assert found["paid_at"]["logicalTypeOptions"]["minimum"] == "2020-01-01T00:00:00+00:00"
    assert found["total_eur"]["logicalTypeOptions"] == {"minimum": 0, "exclusiveMaximum": 1000000.0}
    assert found["payment_id"]["logicalTypeOptions"] == {"pattern": "^(?:^P-|Q)"}
    assert found["risk"]["logicalTypeOptions"] == {"format": "f64", "minimum": 0.5}
    assert "logicalTypeOptions" not in found["payer_email"]
    assert "logicalTypeOptions" not in found["fee_eur"]


def test_rules_the_standards_library_counts_are_its_metrics() -> None:
    document = to_odcs(PAYMENTS.describe())
    found = properties(document)
    (missing, _) = found["risk"]["quality"]

    assert document["schema"][0]["quality"][0]["arguments"] == {"properties": ["payment_id", "paid_on"]}
    assert [rule.get("metric") for rule in found["payment_id"]["quality"]] == ["nullValues", "duplicateValues", "invalidValues"]
    assert found["state"]["quality"][1]["arguments"] == {"validValues": ["new", "paid"]}
    assert (missing["mustBeLessOrEqualTo"], missing["unit"]) == (2.0, "percent")
    assert found["total_eur_4"]["quality"][1]["implementation"]["value"] == [{"decimal": "1.5"}, 2]


def test_a_python_check_is_told_by_its_description() -> None:
    check = to_odcs(PAYMENTS.describe())["schema"][0]["quality"][-1]

    assert (check["name"], check["description"], check["severity"]) == ("not_free", "not all are free", "warn")
    assert check["implementation"] == {"kind": "check", "columns": ["total_eur"], "max_failing": 0.5, "row_wise": True}


def test_an_id_belongs_to_the_major_not_to_the_version() -> None:
    described = PAYMENTS.describe()

    ids = {version: to_odcs({**described, "version": version})["id"] for version in ("2.1.0", "2.2.0", "3.0.0")}
    assert ids["2.1.0"] == ids["2.2.0"] == "3c852378-fab4-531d-a3d5-ad00d1e60cf7"
    assert ids["3.0.0"] != ids["2.1.0"]


def test_what_a_later_dagmesh_says_of_products_and_columns_is_kept() -> None:
    described = PAYMENTS.describe()
    described |= {"carbon_budget": {"grams": 3}}
    described["contract"]["columns"][0]["row_filter"] = "a > 1"

    assert from_odcs(to_odcs(described)) == described
    assert {"property": "dagmeshCarbonBudget", "value": {"grams": 3}} in to_odcs(described)["customProperties"]


def test_a_document_of_another_tool_is_refused() -> None:
    document = {**to_odcs(PAYMENTS.describe()), "customProperties": [{"property": "format", "value": 1}]}

    with pytest.raises(DefinitionError) as raised:
        from_odcs(document)

    assert str(raised.value) == (
        "payments: customProperties.dagmeshFormat: is not a document of this dagmesh; draft a product from it: dagmesh import <file>."
    )
