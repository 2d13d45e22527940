"""The mesh's products on a few records, and the domain as Dagster sees it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import dagster as dg

from dagmesh import testing
from mesh.definitions import defs
from mesh.products.bill import bill
from mesh.products.feedback import feedback
from mesh.products.promises_kept import promises_kept
from mesh.products.publications import publications
from mesh.products.usage import usage

DAY = date(2026, 11, 16)
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
READ = {
    "read_id": "2026-11-16.1",
    "day": DAY,
    "read_at": NOON,
    "principal": "anna@example.org",
    "reader": "finance",
    "via": "http",
    "product": "orders.orders",
    "major": 1,
    "snapshot": 3,
    "columns": ["order_id"],
    "covered": 1000,
    "served": 3,
    "size_bytes": 64,
    "milliseconds": 5,
    "purpose": "Close the month.",
    "grant": None,
    "decision": "allowed",
    "why": None,
    "statement": "0" * 64,
    "outcome": "complete",
    "charge": Decimal("0.250000"),
    "currency": "EUR",
    "per": "1000 rows",
}
FREE = {"charge": None, "currency": None, "per": None}
TYPES = {"snapshot": "BIGINT", "grant": "VARCHAR", "why": "VARCHAR", "charge": "DECIMAL(28, 6)", "currency": "VARCHAR", "per": "VARCHAR"}


def test_dagster_accepts_the_domain() -> None:
    dg.Definitions.validate_loadable(defs())


def test_usage_is_a_row_a_read_and_the_bill_their_sum() -> None:
    reads = [READ, READ | {"read_id": "2026-11-16.2", "charge": Decimal("0.000001")}, READ | {"read_id": "2026-11-16.3", **FREE}]

    rows = testing.call(usage, reads=testing.typed(reads, TYPES))
    testing.check(usage, rows)
    (owed,) = billed = testing.call(bill, usage=testing.typed(rows, {"grant_file": "VARCHAR", "refusal": "VARCHAR"}))
    testing.check(bill, billed)

    assert [row["read_id"] for row in rows] == ["2026-11-16.1", "2026-11-16.2", "2026-11-16.3"]
    assert (owed["consumer"], owed["product"], owed["read_count"], owed["row_count"]) == ("finance", "orders.orders", 2, 2000)
    assert owed["amount"] == sum(row["charge"] for row in rows) == Decimal("0.250001")


def test_a_refused_read_is_a_row_without_snapshot_and_charge() -> None:
    refused = READ | FREE | {"snapshot": None, "covered": None, "decision": "refused", "why": "Not served.", "outcome": "refused"}

    rows = testing.call(usage, reads=testing.typed([refused], TYPES | {"covered": "BIGINT"}))

    testing.check(usage, rows)
    assert (rows[0]["refusal"], rows[0]["charge"]) == ("Not served.", 0)


def test_publications_promises_and_feedback_keep_their_contracts() -> None:
    about = {"day": DAY, "product": "orders.orders", "major": 1, "owner": "team:orders", "published_at": NOON}
    published = {"snapshot": 3, "kind": "publish", "version": "1.0.0", "run_id": "r", "reason": "", "published_days": 1, "newest_day": DAY}
    published |= {"row_count": 5, "completeness": 1.0, "checks": 4, "failed_checks": 0, "seconds": 0.5}
    promised = {"due_at": NOON, "is_kept": False, "words": "late", "newest_day": DAY, "completeness": 1.0}
    given = {"feedback_id": "f", "given_at": NOON, "snapshot": 3, "author": "anna", "reader": "risk", "kind": "comment", "stars": None}
    given |= {"text": "Since when?", "row_key": None, "is_open": True, "answers": 0, "answered_at": None}
    kinds = {"stars": "BIGINT", "row_key": "VARCHAR", "answered_at": "TIMESTAMPTZ"}

    for product, rows in (
        (publications, testing.call(publications, signed_publications=[about | published])),
        (promises_kept, testing.call(promises_kept, promises=[about | promised])),
        (feedback, testing.call(feedback, said=testing.typed([{**about, **given}], kinds))),
    ):
        testing.check(product, rows)
        assert len(rows) == 1
