"""Each attribute of a product flips with its fact, and says the reason."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.consume.conftest import MONDAY, WEDNESDAY, Shop

from dagmesh.consume.catalogue import Entry, entry
from dagmesh.consume.datsis import badges

NOW = datetime(2026, 11, 19, 7, tzinfo=UTC)
Product = dict[str, Any]


def good(product: Mapping[str, Any]) -> Product:
    """The product as it would be with nothing missing."""
    found: Product = copy.deepcopy(dict(product))
    return found | {"tags": {"subject": "orders"}, "documentation": "https://example.org/orders"}


def missing(found: Entry, product: Product) -> dict[str, str]:
    """The attributes that do not hold, each with its reasons."""
    return {badge.attribute: " ".join(badge.missing) for badge in badges(found, product, NOW) if not badge.holds}


@pytest.fixture
def published(shop: Shop) -> Entry:
    """Orders as of a day that is still on time."""
    shop.publish_orders({MONDAY: [10], WEDNESDAY: [20]}, through=WEDNESDAY)
    return entry(shop.lake, shop.orders.address)


def column(product: Product, name: str) -> Product:
    found: Product = next(one for one in product["contract"]["columns"] if one["name"] == name)
    return found


def test_a_good_product_has_all_six(published: Entry) -> None:
    given = badges(published, good(published.product), NOW)

    names = ["discoverable", "addressable", "trustworthy", "self-describing", "interoperable", "secure"]
    assert [badge.describe() for badge in given] == [{"attribute": name, "holds": True, "missing": []} for name in names]


CHANGES: list[tuple[str, Callable[[Product], object], str]] = [
    ("discoverable", lambda p: p.update(description=" "), "It has no description to be found by."),
    ("discoverable", lambda p: p.update(tags={}), "It has no tags to filter by."),
    ("addressable", lambda p: p.update(sunset="2026-11-19"), "Its sunset was 2026-11-19: the address may go any day."),
    ("trustworthy", lambda p: p["contract"].update(rules=[]), "Its contract has no rule that could fail."),
    ("self-describing", lambda p: p["contract"].update(grain=""), "Its contract does not say what one row is."),
    ("self-describing", lambda p: column(p, "total_eur").update(description=""), "Columns without a description: total_eur."),
    ("self-describing", lambda p: p.update(documentation=None), "It names no documentation."),
    ("interoperable", lambda p: column(p, "order_id").update(key=False), "It has no key to join by."),
    ("interoperable", lambda p: column(p, "total_eur").pop("unit"), "Amounts without a unit: total_eur."),
    ("interoperable", lambda p: p.update(output_format="xlsx"), "Its format, xlsx, is no open one."),
    ("secure", lambda p: column(p, "total_eur").update(classification="secret"), "Columns of no known class: total_eur."),
    (
        "secure",
        lambda p: column(p, "order_id").update(classification="pii", mask="hash"),
        "Personal data held for no said purpose: order_id.",
    ),
    (
        "secure",
        lambda p: column(p, "order_id").update(classification="pii", purpose="Delivering."),
        "Personal data that does not say how it is masked: order_id.",
    ),
]


@pytest.mark.parametrize(("attribute", "change", "why"), CHANGES, ids=[why for *_, why in CHANGES])
def test_an_attribute_is_lost_with_its_fact_alone(published: Entry, attribute: str, change: Callable[[Product], object], why: str) -> None:
    product = good(published.product)

    change(product)

    assert missing(published, product) == {attribute: why}


def test_a_sunset_to_come_takes_nothing(published: Entry) -> None:
    assert missing(published, good(published.product) | {"sunset": "2026-11-20"}) == {}


def test_a_failing_check_is_not_trusted(published: Entry) -> None:
    assert published.snapshot
    publication = replace(published.snapshot.publication, checks=[{"name": "total_eur__ge", "passed": False, "failing_rows": 1200}])
    failing = replace(published, snapshot=replace(published.snapshot, publication=publication))

    assert missing(failing, good(published.product)) == {"trustworthy": "Check total_eur__ge fails for 1,200 rows."}


def test_a_promise_that_is_not_kept_is_not_trusted(shop: Shop) -> None:
    shop.publish_orders({MONDAY: [10]}, through=MONDAY)
    late = entry(shop.lake, shop.orders.address)

    assert missing(late, good(late.product)) == {
        "trustworthy": "Its promise is not kept: 23 h 0 min late (due 08:00 UTC; last 2026-11-16)."
    }


def test_a_snapshot_that_does_not_verify_is_neither_addressable_nor_trusted(published: Entry) -> None:
    refused = Entry(published.address, None, "orders.orders@1#1 is refused: it is not signed.")

    assert missing(refused, good(published.product)) == {
        "addressable": "Its address leads to no snapshot that verifies: orders.orders@1#1 is refused: it is not signed.",
        "trustworthy": "Its newest snapshot is refused: orders.orders@1#1 is refused: it is not signed.",
    }
