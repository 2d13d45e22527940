"""Expectations: consumers' publications carry what they rely on, and the producer's contract is held against it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

import dagmesh as dm
from dagmesh.consume.broken_expectations import broken_by
from dagmesh.consume.expectations import Expectation, all_expectations, expectations_of
from dagmesh.errors import DefinitionError
from dagmesh.lake.lake import Lake
from dagmesh.lake.readers import FOLDER, noted_readers
from dagmesh.model.address import Address
from dagmesh.model.domain import Product

PATTERNS = Address("orders", "purchase_patterns", 1)


class NeededPatterns(dm.Contract):
    """One row per customer and category."""

    category: str = dm.field(description="What was bought.", isin=["books", "games"])
    spend_eur: float = dm.field(unit="EUR", description="What was spent.", ge=0.0)


class Patterns(NeededPatterns):
    """One row per customer and category."""

    customer_id: str = dm.field(key=True, description="Who bought it.")


class Conversion(dm.Contract):
    """One row per campaign."""

    campaign_id: str = dm.field(key=True, description="The campaign.")


@dm.data_product(contract=Patterns, version="1.3.0", serves=["marketing"], promise=dm.Promise(), accepts=["marketing.campaign_conversion"])
def purchase_patterns(sales: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return sales


def consumer(version: str = "1.0.0", **said: Any) -> Product:
    said = {"expects": NeededPatterns, "purpose": "Campaign attribution.", **said}

    @dm.data_product(
        contract=Conversion,
        version=version,
        serves=[],
        promise=dm.Promise(),
        reads={"patterns": dm.read("orders.purchase_patterns@1", **said)},
        description="What campaigns bring.",
    )
    def campaign_conversion(patterns: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        return patterns

    return campaign_conversion.in_domain("marketing", "team:marketing", None)


PRODUCER = purchase_patterns.in_domain("orders", "team:orders", None)


def published(shop: Any, product: Product) -> None:
    columns = [f"CAST(NULL AS {column.type.duckdb}) AS {column.name}" for column in product.contract.columns]
    shop.publish(product, f"(SELECT {', '.join(columns)} WHERE false)")


def expected(**said: Any) -> list[Expectation]:
    """What the consumer relies on, as it and the producer are declared."""
    port = consumer(**said).describe()["reads"][0]
    relied_on = port.get("expects"), port.get("max_lag"), port.get("purpose", "")
    return [Expectation(PATTERNS, Address("marketing", "campaign_conversion", 1), "team:marketing", *relied_on, accepted=True)]


def changed(column: str | None = None, *, drop: str = "", add: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    """The producer's product with another column, without one, or with other words of the product."""
    product = PRODUCER.describe()
    columns = [{**c, **said} if c["name"] == column else c for c in product["contract"]["columns"] if c["name"] != drop]
    contract = {**product["contract"], "columns": [*columns, *([add] if add else [])]}
    return {**product, **({} if column else said), "contract": contract}


def messages(product: dict[str, Any], expectations: list[Expectation], **said: Any) -> list[str]:
    return [broken.message for broken in broken_by(product, expectations, **said)]


# Where they come from


def test_what_a_consumer_published_is_what_it_relies_on(shop) -> None:
    published(shop, PRODUCER)
    published(shop, consumer(max_lag="12h"))

    (found,) = expectations_of(shop.lake, PATTERNS)

    assert (str(found.consumer), found.owner, found.max_lag, found.purpose) == (
        "marketing.campaign_conversion@1",
        "team:marketing",
        "12h",
        "Campaign attribution.",
    )
    assert found.expects == NeededPatterns.describe()
    assert found.accepted


def test_a_read_without_an_expectation_is_none(shop) -> None:
    published(shop, consumer(expects=None))

    assert expectations_of(shop.lake, PATTERNS) == []


def test_what_is_relied_on_of_another_major_is_not_relied_on_of_this_one(shop) -> None:
    published(shop, consumer())

    assert expectations_of(shop.lake, PATTERNS.at_major(2)) == []


def test_only_what_the_producer_names_in_accepts_is_accepted(shop) -> None:
    published(shop, replace(PRODUCER, accepts=("risk.fraud_signals",)))
    published(shop, consumer())

    assert [found.accepted for found in expectations_of(shop.lake, PATTERNS)] == [False]


def test_what_the_producers_file_accepts_now_counts_before_it_is_published(shop) -> None:
    published(shop, replace(PRODUCER, accepts=()))
    published(shop, consumer())

    (found,) = expectations_of(shop.lake, PATTERNS, declared=[PRODUCER.describe()])

    assert found.accepted


def test_an_expectation_in_this_checkout_is_seen_before_it_is_published(shop) -> None:
    (found,) = expectations_of(shop.lake, PATTERNS, declared=[consumer().describe()])

    assert found.consumer.name == "marketing.campaign_conversion"


@pytest.mark.parametrize(("declared", "max_lag"), [("1.9.0", "12h"), ("1.9.1", "12h"), ("1.10.0", "12h"), ("1.8.9", "24h")])
def test_of_a_published_and_a_declared_consumer_the_higher_version_counts_and_of_equals_the_declared(shop, declared, max_lag) -> None:
    published(shop, consumer("1.9.0", max_lag="24h"))

    (found,) = expectations_of(shop.lake, PATTERNS, declared=[consumer(declared, max_lag="12h").describe()])

    assert found.max_lag == max_lag


def test_an_expectation_that_nobody_signed_does_not_count(shop) -> None:
    published(shop, consumer())
    storage = shop.lake.table(Address("marketing", "campaign_conversion", 1)).place.storage
    commit = Path(storage.root) / "_delta_log" / f"{0:020}.json"
    commit.write_text(commit.read_text().replace("Campaign attribution", "Campaign domination"))

    assert expectations_of(shop.lake, PATTERNS) == []
    assert all_expectations(shop.lake) == {}


def test_a_python_check_cannot_be_relied_on_as_the_producer_cannot_run_it() -> None:
    class Checked(NeededPatterns):
        """One row per customer and category."""

        @dm.check("spend_eur", description="Spend is odd.")
        def odd_spend(cls, spend):
            return spend % 2 == 1

    with pytest.raises(DefinitionError) as refused:
        consumer(expects=Checked)

    assert str(refused.value).endswith(
        "reads['patterns']: expects Checked: check 'odd_spend' is Python, which the producer cannot run; use rules of dm.field."
    )


def test_who_is_looked_up_one_by_one_is_who_is_found_by_looking_at_all(shop) -> None:
    published(shop, PRODUCER)
    published(shop, consumer("1.0.0"))
    published(shop, consumer("2.0.0", max_lag="12h"))
    published(shop, replace(consumer(expects=None, purpose=None), name="others"))

    for address in shop.lake.addresses():
        assert expectations_of(shop.lake, address) == all_expectations(shop.lake).get(address, [])
    assert [str(found.consumer) for found in expectations_of(shop.lake, PATTERNS)] == [
        "marketing.campaign_conversion@1",
        "marketing.campaign_conversion@2",
    ]


def test_the_readers_in_a_lake_that_noted_none_are_found_and_noted_by_the_next_publication(shop) -> None:
    published(shop, consumer())
    shutil.rmtree(Path(shop.lake.root) / FOLDER)
    earlier = Lake(shop.lake.root, shop.lake.home)

    before = expectations_of(earlier, PATTERNS)
    published(shop, PRODUCER)

    assert [found.consumer.name for found in before] == ["marketing.campaign_conversion"]
    assert noted_readers(shop.lake.storage, PATTERNS) == [Address("marketing", "campaign_conversion", 1)]
    assert len(expectations_of(shop.lake, PATTERNS)) == 1


# What breaks them


def test_the_contract_that_they_were_written_for_breaks_none() -> None:
    assert messages(PRODUCER.describe(), expected(max_lag="24h")) == []


def test_a_removed_column_is_said_with_the_consumer_that_relies_on_it() -> None:
    assert messages(changed(drop="category"), expected()) == [
        "orders.purchase_patterns removes 'category': marketing.campaign_conversion relies on it (Campaign attribution). "
        "Accepted: release 2.0.0 beside it, or talk to team:marketing."
    ]


def test_an_expectation_that_is_not_accepted_warns_and_names_both_owners() -> None:
    (broken,) = broken_by(changed(drop="category"), [replace(expected()[0], accepted=False)])

    assert broken.severity == "warn"
    assert broken.message == (
        "orders.purchase_patterns removes 'category': marketing.campaign_conversion relies on it (Campaign attribution). "
        "Not accepted by team:orders, so it only warns: talk to team:marketing, or name 'marketing.campaign_conversion' in accepts of "
        "purchase_patterns."
    )


def test_a_renamed_column_is_said_with_the_name_it_may_have_now() -> None:
    product = changed(drop="category", add={"name": "categories", "type": "VARCHAR", "classification": "internal", "nullable": False})

    assert messages(product, expected())[0].startswith(
        "orders.purchase_patterns removes 'category': marketing.campaign_conversion relies on it, perhaps now 'categories' (Campaign"
    )


def test_a_column_that_was_never_there_is_not_called_removed() -> None:
    product = changed(drop="category")

    assert messages(product, expected(), before=product)[0].startswith("orders.purchase_patterns has no 'category': ")


@pytest.mark.parametrize(
    ("product", "broken"),
    [
        (changed("spend_eur", type="VARCHAR"), "gives 'spend_eur' as VARCHAR: marketing.campaign_conversion relies on DOUBLE"),
        (changed("category", nullable=True), "lets 'category' be NULL: marketing.campaign_conversion relies on a value"),
        (changed("spend_eur", unit="USD"), "gives 'spend_eur' in USD: marketing.campaign_conversion relies on EUR"),
        (changed("spend_eur", unit=None), "gives 'spend_eur' in no unit: marketing.campaign_conversion relies on EUR"),
        (changed("category", classification="pii"), "makes 'category' pii: marketing.campaign_conversion relies on seeing it"),
        (changed(serves=["risk"]), "no longer serves marketing: marketing.campaign_conversion relies on it"),
        (
            changed(promise={**PRODUCER.describe()["promise"], "max_lag": "2d"}),
            "promises a max_lag of 2d: marketing.campaign_conversion relies on 24h",
        ),
    ],
)
def test_every_way_to_break_an_expectation_is_found_by_itself(product: dict[str, Any], broken: str) -> None:
    (message,) = messages(product, expected(max_lag="24h"))

    assert message == (
        f"orders.purchase_patterns {broken} (Campaign attribution). Accepted: release 2.0.0 beside it, or talk to team:marketing."
    )


def test_columns_nobody_relies_on_may_go() -> None:
    assert messages(changed(drop="customer_id"), expected()) == []


def test_a_producers_own_domain_need_not_be_served() -> None:
    own = replace(expected()[0], consumer=Address("orders", "refunds", 1))

    assert messages(changed(serves=[]), [own]) == []
