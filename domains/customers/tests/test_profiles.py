"""profiles on one customer who moves."""

from datetime import UTC, datetime

from customers.products.profiles import profiles
from dagmesh import testing

JOINED, MOVED = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC)
WHO = {"customer_id": "c000001", "name": "Ada Smit", "email": "ada@example.org", "phone": None}
FIRST = {"street": "Mill Lane 1", "city": "Assen", "country": "NL"}
NEXT = {"street": "Canal Walk 2", "city": "Ghent", "country": "BE"}
REGISTERED = testing.event("CustomerRegistered", subject="customer/c000001", time=JOINED, **WHO, **FIRST)


def moved(time, **address):
    return testing.event("AddressChanged", subject="customer/c000001", time=time, customer_id="c000001", **address)


def test_the_newest_address_counts_and_the_register_keeps_the_name():
    rows = testing.call(profiles, base_events=[REGISTERED], customer_events=[moved(MOVED, **NEXT)])

    testing.check(profiles, rows)
    assert rows == [
        {
            "customer_id": "c000001",
            "name": "Ada Smit",
            "email": "ada@example.org",
            **NEXT,
            "registered_at": JOINED,
            "address_changed_at": MOVED,
        }
    ]


def test_an_address_that_arrives_late_does_not_hide_a_newer_one():
    late = moved(datetime(2026, 5, 1, tzinfo=UTC), **FIRST)

    [row] = testing.call(profiles, base_events=[REGISTERED], customer_events=[moved(MOVED, **NEXT), late])

    assert (row["street"], row["address_changed_at"]) == ("Canal Walk 2", MOVED)


def test_who_only_moved_is_no_registered_customer():
    assert testing.call(profiles, base_events=[], customer_events=[moved(MOVED, **NEXT)]) == []
