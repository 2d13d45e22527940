"""newsletter_subscriptions on one reader."""

from datetime import UTC, datetime

from dagmesh import testing
from marketing.products.newsletter_subscriptions import newsletter_subscriptions

MARCH, MAY, JULY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5, 7))


def said(kind, time, **data):
    return testing.event(kind, subject="customer/c000001", time=time, customer_id="c000001", **data)


def readers(*events, base=()):
    rows = testing.call(newsletter_subscriptions, base_events=base, newsletter_events=events)
    testing.check(newsletter_subscriptions, rows)
    return [(row["topic"], row["is_subscribed"], row["changed_at"]) for row in rows]


def test_the_last_word_counts_and_the_topic_stays_known():
    first = said("NewsletterSubscribed", MARCH, topic="home")

    assert readers(said("NewsletterUnsubscribed", MAY), base=[first]) == [("home", False, MAY)]


def test_the_last_word_is_the_one_said_last_not_the_one_that_arrives_last():
    assert readers(
        said("NewsletterSubscribed", MARCH, topic="home"),
        said("NewsletterSubscribed", JULY, topic="deals"),
        said("NewsletterUnsubscribed", MAY),
    ) == [("deals", True, JULY)]


def test_who_never_subscribed_is_no_reader():
    assert readers(said("NewsletterUnsubscribed", MAY)) == []
