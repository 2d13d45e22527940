"""fulfillment_timelines on one order's life."""

from datetime import UTC, date, datetime

from dagmesh import testing
from orders.products.fulfillment_timelines import fulfillment_timelines

STEPS = {
    "OrderPlaced": datetime(2026, 11, 1, 12, tzinfo=UTC),
    "PaymentReceived": datetime(2026, 11, 1, 12, 5, tzinfo=UTC),
    "OrderShipped": datetime(2026, 11, 2, 9, tzinfo=UTC),
    "OrderDelivered": datetime(2026, 11, 3, 18, tzinfo=UTC),
}


def events(*kinds):
    return [{"day": STEPS[kind].date(), "type": kind, "order_id": "o0000000001", "occurred_at": STEPS[kind]} for kind in kinds]


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
