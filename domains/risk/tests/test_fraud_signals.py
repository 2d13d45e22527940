"""fraud_signals on one customer's orders."""

from datetime import UTC, datetime
from decimal import Decimal

from dagmesh import testing
from risk.products.fraud_signals import fraud_signals

MOVED = datetime(2026, 11, 10, 12, tzinfo=UTC)


def order(number, placed_at, total):
    return {
        "order_id": number,
        "order_date": placed_at.date(),
        "placed_at": placed_at,
        "customer_id": "c000001",
        "total_eur": Decimal(total),
    }


def signals(*orders):
    rows = testing.call(fraud_signals, orders=list(orders), profiles=[{"customer_id": "c000001", "address_changed_at": MOVED}])
    testing.check(fraud_signals, rows)
    return [(row["order_id"], row["times_usual"], row["hours_since_move"]) for row in rows]


USUAL = [order(f"o{day}", datetime(2026, 11, day, 10, tzinfo=UTC), "50.00") for day in (1, 2, 3)]


def test_an_order_far_above_the_habit_soon_after_a_move_is_a_signal():
    assert signals(*USUAL, order("o11", datetime(2026, 11, 11, 12, tzinfo=UTC), "500.00")) == [("o11", 10.0, 24.0)]


def test_a_usual_order_after_a_move_is_none():
    assert signals(*USUAL, order("o11", datetime(2026, 11, 11, 12, tzinfo=UTC), "60.00")) == []


def test_a_large_order_long_after_a_move_is_none():
    assert signals(*USUAL, order("o14", datetime(2026, 11, 14, 12, tzinfo=UTC), "500.00")) == []
