"""Who each customer is and where they live now: what customers publishes for risk and marketing."""

from datetime import datetime

import dagmesh as dm


class Profiles(dm.Contract):
    """One row per registered customer, as known now."""

    customer_id: str = dm.field(
        key=True, classification="pseudonymous", matches=r"c\d{6,}$", description="Stable pseudonym of the customer."
    )
    name: str = dm.field(
        classification="pii", purpose="Addressing parcels and letters.", mask="partial", description="Given and family name."
    )
    email: str = dm.field(
        classification="pii",
        purpose="Writing to the customer about orders and, when subscribed, the newsletter.",
        mask="hash",
        matches=r"[^@\s]+@[^@\s]+\.[a-z]+$",
        description="Where the customer is written to.",
    )
    street: str = dm.field(
        classification="pii",
        purpose="Delivering parcels, and telling when the address changed.",
        mask="null",
        description="Street and house number of the current address.",
    )
    city: str = dm.field(classification="confidential", description="City of the current address.")
    country: str = dm.field(matches=r"[A-Z]{2}$", description="Country of the current address, ISO 3166-1 alpha-2.")
    registered_at: datetime = dm.field(description="When the customer registered, UTC.")
    address_changed_at: datetime | None = dm.field(
        ge=dm.column("registered_at"), description="When the customer last moved, UTC; NULL when never."
    )


@dm.data_product(
    contract=Profiles,
    version="1.0.0",
    serves=["risk", "marketing"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98, retention="400d"),
    documentation="https://example.org/customers/profiles",
    tags={"subject": "customers"},
)
def profiles(base_events: dm.Events, customer_events: dm.Events) -> dm.Projection:
    """Take the registration, and the newest address anyone gave; a customer who was forgotten has no profile."""
    customer = dm.entity(
        "customer_id",
        name=dm.first(CustomerRegistered="name"),
        email=dm.first(CustomerRegistered="email"),
        street=dm.last(CustomerRegistered="street", AddressChanged="street"),
        city=dm.last(CustomerRegistered="city", AddressChanged="city"),
        country=dm.last(CustomerRegistered="country", AddressChanged="country"),
        registered_at=dm.first(CustomerRegistered="time"),
        address_changed_at=dm.last(AddressChanged="time"),
    )
    return dm.projection(base_events, customer_events, of=customer, where="name IS NOT NULL")
