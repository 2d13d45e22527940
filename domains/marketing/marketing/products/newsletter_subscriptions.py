"""Who reads the newsletter, on which topic, since when: what marketing publishes for customers."""

from datetime import datetime
from typing import Literal

import duckdb

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
def newsletter_subscriptions(base_events: duckdb.DuckDBPyRelation, newsletter_events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Take each customer's last word."""
    return dm.sql(
        """
        WITH words AS (
            SELECT customer_id, topic, type, occurred_at FROM base_events
            UNION ALL
            SELECT customer_id, topic, type, occurred_at FROM newsletter_events
        )
        SELECT
            customer_id,
            arg_max(topic, occurred_at) FILTER (type = 'NewsletterSubscribed') AS topic,
            arg_max(type, occurred_at) = 'NewsletterSubscribed' AS is_subscribed,
            max(occurred_at) AS changed_at
        FROM words
        WHERE type IN ('NewsletterSubscribed', 'NewsletterUnsubscribed')
        GROUP BY customer_id
        HAVING topic IS NOT NULL
        """,
        base_events=base_events,
        newsletter_events=newsletter_events,
    )
