"""fulfillment_timelines on one order's life."""

from datetime import UTC, date, datetime

import pytest

from dagmesh import testing
from orders.products.fulfillment_timelines import fulfillment_timelines

STEPS = {
    "OrderPlaced": datetime(2026, 11, 1, 12, tzinfo=UTC),
    "PaymentReceived": datetime(2026, 11, 1, 12, 5, tzinfo=UTC),
    "OrderShipped": datetime(2026, 11, 2, 9, tzinfo=UTC),
    "OrderDelivered": datetime(2026, 11, 3, 18, tzinfo=UTC),
}


ORDER = {"order_id": "o0000000001"}
SAID = {
    "OrderPlaced": {**ORDER, "customer_id": "c000001", "channel": "web", "lines": [], "total_eur": "0.00"},
    "PaymentReceived": {**ORDER, "amount_eur": "0.00", "method": "card"},
}


def events(*kinds):
    return [testing.event(kind, subject="order/o0000000001", time=STEPS[kind], **SAID.get(kind, ORDER)) for kind in kinds]


def test_the_steps_of_a_delivered_order_stand_side_by_side():
    rows = testing.call(fulfillment_timelines, order_events=events(*STEPS))

    testing.check(fulfillment_timelines, rows)
    assert rows == [
        {
            "order_id": "o0000000001",
            "delivered_date": date(2026, 11, 3),
            "placed_at": STEPS["OrderPlaced"],
            "paid_at": STEPS["PaymentReceived"],
            "shipped_at": STEPS["OrderShipped"],
            "delivered_at": STEPS["OrderDelivered"],
            "hours_to_deliver": 54.0,
        }
    ]


def test_an_order_that_is_under_way_has_no_timeline_yet():
    assert testing.call(fulfillment_timelines, order_events=events("OrderPlaced", "OrderShipped")) == []


@pytest.mark.parametrize("known", [("OrderPlaced",), ("PaymentReceived", "OrderShipped")])
def test_an_order_placed_before_the_exports_began_has_no_timeline(known):
    assert testing.call(fulfillment_timelines, order_events=events(*known, "OrderDelivered")) == []


def test_a_step_that_was_lost_does_not_hide_the_others():
    [row] = testing.call(fulfillment_timelines, order_events=events("OrderPlaced", "PaymentReceived", "OrderDelivered"))

    assert (row["shipped_at"], row["paid_at"]) == (None, STEPS["PaymentReceived"])
