"""purchase_patterns on a handful of orders."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dagmesh import testing
from orders.products.purchase_patterns import purchase_patterns

LINE = {"sku": "books-001", "category": "books", "quantity": 2, "unit_price_eur": Decimal("10.00")}
GAME = {"sku": "games-001", "category": "games", "quantity": 1, "unit_price_eur": Decimal("30.00")}


NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(kind, order, at=NOON, **said):
    return testing.event(kind, subject=f"order/{order}", time=at, order_id=order, **said)


def placed(order, *lines, at=NOON):
    total = sum(line["quantity"] * line["unit_price_eur"] for line in lines)
    return event("OrderPlaced", order, at, customer_id="c000001", channel="web", lines=list(lines), total_eur=total)


def patterns(*events):
    rows = testing.call(purchase_patterns, order_events=events)
    testing.check(purchase_patterns, rows)
    return sorted((row["customer_id"], row["category"], row["orders_90d"], row["spend_90d_eur"]) for row in rows)


def test_orders_are_counted_and_summed_by_customer_and_category():
    found = patterns(placed("o0000000001", LINE, GAME), placed("o0000000002", LINE))

    assert found == [("c000001", "books", 2, Decimal("40.00")), ("c000001", "games", 1, Decimal("30.00"))]


def test_a_cancelled_order_does_not_count():
    found = patterns(placed("o0000000001", LINE), event("OrderCancelled", "o0000000001", reason="changed mind"))

    assert found == []


def test_a_returned_order_counts_but_its_spend_is_subtracted():
    found = patterns(placed("o0000000001", LINE), event("OrderReturned", "o0000000001", amount_eur="20.00"))

    assert found == [("c000001", "books", 1, Decimal("0.00"))]


def test_an_order_counts_on_its_90_days_and_the_newest_event_is_on_the_last_of_them():
    days = [NOON - timedelta(days=back) for back in (0, 89, 90)]

    found = patterns(*(placed(f"o000000000{number}", LINE, at=at) for number, at in enumerate(days)))

    assert found == [("c000001", "books", 2, Decimal("40.00"))]
