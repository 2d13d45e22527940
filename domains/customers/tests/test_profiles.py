"""profiles on one customer who moves."""

from datetime import UTC, datetime

from customers.products.profiles import profiles
from dagmesh import testing

JOINED, MOVED = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC)
REGISTERED = {
    "type": "CustomerRegistered",
    "occurred_at": JOINED,
    "customer_id": "c000001",
    "name": "Ada Smit",
    "email": "ada@example.org",
    "street": "Mill Lane 1",
    "city": "Assen",
    "country": "NL",
}


def test_the_newest_address_counts_and_the_register_keeps_the_name():
    moved = {"day": MOVED.date(), "type": "AddressChanged", "occurred_at": MOVED, "customer_id": "c000001"}
    moved |= {"name": None, "email": None, "street": "Canal Walk 2", "city": "Ghent", "country": "BE"}

    rows = testing.call(profiles, base_events=[REGISTERED], customer_events=testing.typed([moved], {"name": "VARCHAR", "email": "VARCHAR"}))

    testing.check(profiles, rows)
    assert rows == [
        {
            "customer_id": "c000001",
            "name": "Ada Smit",
            "email": "ada@example.org",
            "street": "Canal Walk 2",
            "city": "Ghent",
            "country": "BE",
            "registered_at": JOINED,
            "address_changed_at": MOVED,
        }
    ]
