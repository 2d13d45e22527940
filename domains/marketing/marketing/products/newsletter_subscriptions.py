"""Who reads the newsletter, on which topic, since when: what marketing publishes for customers."""

from datetime import datetime
from typing import Literal

import dagmesh as dm


class NewsletterSubscriptions(dm.Contract):
    """One row per customer who ever subscribed, as known now."""

    customer_id: str = dm.field(key=True, classification="pseudonymous", description="Stable pseudonym of the customer.")
    topic: Literal["deals", "home", "outdoor", "family"] = dm.field(description="What the customer wants to read about.")
    is_subscribed: bool = dm.field(description="Whether the customer is subscribed now.")
    changed_at: datetime = dm.field(description="When the customer last subscribed or unsubscribed, UTC.")


@dm.data_product(
    contract=NewsletterSubscriptions,
    version="1.0.0",
    serves=["customers"],
    promise=dm.Promise(available_by="06:00", max_lag="24h", min_completeness=0.98),
    documentation="https://example.org/marketing/newsletter_subscriptions",
    tags={"subject": "newsletter"},
)
def newsletter_subscriptions(base_events: dm.Events, newsletter_events: dm.Events) -> dm.Projection:
    """Take each customer's last word."""
    reader = dm.entity(
        "customer_id",
        topic=dm.last(NewsletterSubscribed="topic"),
        is_subscribed=dm.last(NewsletterSubscribed="true", NewsletterUnsubscribed="false"),
        changed_at=dm.last(NewsletterSubscribed="time", NewsletterUnsubscribed="time"),
    )
    return dm.projection(base_events, newsletter_events, of=reader, where="topic IS NOT NULL")
