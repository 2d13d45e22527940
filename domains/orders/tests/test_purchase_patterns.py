"""purchase_patterns on a handful of orders."""

from datetime import UTC, date, datetime
from decimal import Decimal

from dagmesh import testing
from orders.products.purchase_patterns import purchase_patterns

LINE = {"sku": "books-001", "category": "books", "quantity": 2, "unit_price_eur": Decimal("10.00")}
GAME = {"sku": "games-001", "category": "games", "quantity": 1, "unit_price_eur": Decimal("30.00")}


def event(kind, order, customer=None, lines=None):
    return {
        "day": date(2026, 11, 1),
        "type": kind,
        "order_id": order,
        "customer_id": customer,
        "lines": lines,
        "occurred_at": datetime(2026, 11, 1, 12, tzinfo=UTC),
    }


TYPES = {"lines": "STRUCT(sku VARCHAR, category VARCHAR, quantity BIGINT, unit_price_eur DECIMAL(18,2))[]"}


def patterns(*events):
    rows = testing.call(purchase_patterns, order_events=testing.typed(list(events), TYPES))
    testing.check(purchase_patterns, rows)
    return sorted((row["customer_id"], row["category"], row["orders_90d"], row["spend_90d_eur"]) for row in rows)


def test_orders_are_counted_and_summed_by_customer_and_category():
    found = patterns(event("OrderPlaced", "o0000000001", "c000001", [LINE, GAME]), event("OrderPlaced", "o0000000002", "c000001", [LINE]))

    assert found == [("c000001", "books", 2, Decimal("40.00")), ("c000001", "games", 1, Decimal("30.00"))]


def test_a_cancelled_order_does_not_count():
    found = patterns(event("OrderPlaced", "o0000000001", "c000001", [LINE]), event("OrderCancelled", "o0000000001"))

    assert found == []


def test_a_returned_order_counts_but_its_spend_is_subtracted():
    found = patterns(event("OrderPlaced", "o0000000001", "c000001", [LINE]), event("OrderReturned", "o0000000001"))

    assert found == [("c000001", "books", 1, Decimal("0.00"))]
