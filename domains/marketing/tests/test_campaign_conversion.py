"""campaign_conversion on three recipients."""

from datetime import UTC, date, datetime
from decimal import Decimal

from dagmesh import testing
from marketing.products.campaign_conversion import campaign_conversion

SENT = datetime(2026, 11, 3, 9, tzinfo=UTC)


def mail(customer):
    said = {"campaign_id": "autumn-2026-11-03", "customer_id": customer, "topic": "home"}
    return testing.event("CampaignSent", subject=f"customer/{customer}", time=SENT, **said)


def order(customer, placed_at, total, cancelled=False):
    return {
        "order_id": f"o{placed_at:%d%H}",
        "order_date": placed_at.date(),
        "placed_at": placed_at,
        "customer_id": customer,
        "total_eur": Decimal(total),
        "is_cancelled": cancelled,
    }


def test_only_orders_within_seven_days_that_were_not_cancelled_convert():
    rows = testing.call(
        campaign_conversion,
        newsletter_events=[mail("c000001"), mail("c000002"), mail("c000003"), mail("c000004")],
        orders=[
            order("c000001", datetime(2026, 11, 5, 10, tzinfo=UTC), "20.00"),
            order("c000001", datetime(2026, 11, 6, 10, tzinfo=UTC), "5.00"),
            order("c000002", datetime(2026, 11, 10, 9, tzinfo=UTC), "99.00"),
            order("c000003", datetime(2026, 11, 4, 10, tzinfo=UTC), "99.00", cancelled=True),
        ],
    )

    testing.check(campaign_conversion, rows)
    assert rows == [
        {
            "campaign_id": "autumn-2026-11-03",
            "topic": "home",
            "sent_date": date(2026, 11, 3),
            "recipient_count": 4,
            "buyer_count": 1,
            "conversion_share": 0.25,
            "revenue_eur": Decimal("25.00"),
        }
    ]
