"""delivery_performance on two parcels."""

from datetime import date

from dagmesh import testing
from logistics.products.delivery_performance import delivery_performance


def timeline(order, delivered):
    return {"order_id": order, "delivered_date": delivered, "hours_to_deliver": 48.0}


def handed_over(order, promised):
    return {"type": "ParcelHandedOver", "order_id": order, "carrier": "dhl", "region": "NL-North", "promised_on": promised}


def test_a_parcel_is_on_time_until_the_end_of_the_promised_day():
    day = date(2026, 11, 5)

    rows = testing.call(
        delivery_performance,
        timelines=[timeline("o1", day), timeline("o2", day)],
        parcel_events=[handed_over("o1", day), handed_over("o2", date(2026, 11, 4))],
    )

    testing.check(delivery_performance, rows)
    assert rows == [
        {
            "delivered_date": day,
            "carrier": "dhl",
            "region": "NL-North",
            "parcel_count": 2,
            "on_time_share": 0.5,
            "mean_hours_to_deliver": 48.0,
        }
    ]
