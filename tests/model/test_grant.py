"""Grants as files: what they say, every mistake in them at once, and on which day they stand."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from dagmesh.errors import DefinitionError
from dagmesh.model.grant import Grant, Majors, strictest
from dagmesh.model.grant_reading import read_grant

FILE = Path("marketing.payments.yaml")
GOOD = """
consumer: marketing
product: payments
majors: [1, 2]
columns: [email, iban]
mask: {email: hash, iban: null}
rows: country = 'AT'
purpose: Find out which
  campaign sold.
expires: 2027-06-30
status: approved
approver: team:orders
"""
LAST_DAY = date(2027, 6, 30)


def problems(text: str, file: Path = FILE) -> list[str]:
    with pytest.raises(DefinitionError) as refusal:
        read_grant(text, "orders", file)
    return [str(problem).removeprefix(f"domains/orders/grants/{file}: ") for problem in refusal.value.problems]


def changed(**fields: object) -> str:
    """The good grant with some fields changed; None removes one."""
    said = {**yaml.safe_load(GOOD), **fields}
    return yaml.safe_dump({name: value for name, value in said.items() if value is not None})


def test_a_file_says_a_grant() -> None:
    assert read_grant(GOOD, "orders", FILE) == Grant(
        producer="orders",
        consumer="marketing",
        product="payments",
        majors=Majors((1, 2)),
        purpose="Find out which campaign sold.",
        expires=LAST_DAY,
        status="approved",
        columns=("email", "iban"),
        mask={"email": "hash", "iban": "null"},
        rows="country = 'AT'",
        approver="team:orders",
    )


def test_what_is_written_is_read_as_the_same() -> None:
    grant = read_grant(GOOD, "orders", FILE)

    assert read_grant(yaml.safe_dump(grant.describe()), "orders", FILE) == grant
    assert grant.file == "domains/orders/grants/marketing.payments.yaml"


@pytest.mark.parametrize(
    ("majors", "inside", "outside"),
    [([1], {1}, {0, 2}), ([3, 1], {1, 3}, {0, 2, 4}), (">=1,<3", {1, 2}, {0, 3}), (">=2", {2, 99}, {0, 1}), (" < 2, >= 0 ", {0, 1}, {2})],
)
def test_majors_are_a_list_or_a_range(majors: object, inside: set[int], outside: set[int]) -> None:
    found = Majors.parse(majors)

    assert {major for major in inside | outside if major in found} == inside
    assert Majors.parse(found.describe()) == found


@pytest.mark.parametrize("majors", [[], ["1"], [True], [-1], "1", "<3", ">=1,>=2", ">=1,<2,<3", ">1", 1, "", {}])
def test_anything_else_names_no_majors(majors: object) -> None:
    assert problems(changed(majors=majors)) == [f'majors: {majors!r} names no majors; write a list, [1], or a range, ">=1,<3".']


def test_every_mistake_is_said_at_once() -> None:
    text = """
    consumer: Marketing
    produkt: payments
    majors: first
    columns: email
    mask: {email: rot13}
    rows: ""
    purpose: " "
    expires: tomorrow
    status: aproved
    approver: nobody
    """

    assert problems(text) == [
        "produkt: unknown field; choose consumer, product, majors, columns, classes, mask, rows, purpose, expires, status or approver. "
        "Did you mean 'product'?",
        "product: is missing.",
        "consumer: 'Marketing' is no name; write it as the mesh does, in snake_case.",
        "majors: 'first' names no majors; write a list, [1], or a range, \">=1,<3\".",
        "columns: 'email' is no list of column names; write [email, city].",
        "mask: unknown mask 'rot13'; choose none, partial, hash or null.",
        "rows: '' is no condition; write SQL, \"country = 'AT'\".",
        "purpose: ' ' says nothing; write it in words.",
        "expires: 'tomorrow' is not a day; write YYYY-MM-DD.",
        "status: unknown status 'aproved'; choose requested, approved or revoked. Did you mean 'approved'?",
        "approver: 'nobody' is nobody who can be reached; write team:<name> or an e-mail address.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed(columns=[], mask=None), "columns: neither columns nor classes are named; name what the grant opens."),
        (changed(approver=None), "approver: is missing; an approved grant names the product's owner."),
        (changed(mask={"name": "hash"}), "mask: masks 'name', which the grant does not open; columns has email or iban."),
        (changed(mask="hash"), "mask: 'hash' is no mask for each column; write {email: hash}."),
        (
            changed(classes=["secret"]),
            "classes: unknown classification 'secret'; write a list of public, internal, pseudonymous, confidential or pii.",
        ),
        (changed(classes="pii"), "classes: 'pii' is no list of classifications; write [internal, pii]."),
        (changed(expires="2027-06-30T12:00:00+00:00"), "expires: '2027-06-30T12:00:00+00:00' is not a day; write YYYY-MM-DD."),
        (changed(expires=20270630), "expires: 20270630 is not a day; write YYYY-MM-DD."),
        (changed(consumer="finance"), "file: is named marketing.payments.yaml; a grant to finance on payments is finance.payments.yaml."),
        ("- 1", "is no grant; write the fields consumer, product, majors, purpose, expires or status, one a line."),
    ],
)
def test_a_mistake_says_what_is_allowed(text: str, said: str) -> None:
    found = problems(text)

    assert [message.partition(" Did you mean")[0] for message in found] == [said]


def test_a_field_that_is_there_twice_is_refused_because_one_would_be_dropped() -> None:
    (said,) = problems(GOOD + "rows: 'true'\n")

    assert said.startswith("is no YAML: 'rows' is there twice")


def test_broken_yaml_is_refused() -> None:
    assert problems("a: [")[0].startswith("is no YAML: ")


@pytest.mark.parametrize(
    ("fields", "today", "standing"),
    [
        ({}, LAST_DAY, ("approved", "")),
        ({}, date(2027, 7, 1), ("expired", "ended on 2027-06-30")),
        ({"status": "requested"}, LAST_DAY, ("requested", "waits for team:orders")),
        ({"status": "revoked"}, LAST_DAY, ("revoked", "was revoked")),
        ({"approver": "team:marketing"}, LAST_DAY, ("void", "approved by team:marketing, and the owner is team:orders")),
        ({"approver": "team:marketing"}, date(2027, 7, 1), ("void", "approved by team:marketing, and the owner is team:orders")),
    ],
)
def test_a_grant_stands_while_it_is_approved_by_the_owner_and_up_to_its_last_day(fields, today: date, standing: tuple[str, str]) -> None:
    assert read_grant(changed(**fields), "orders", FILE).standing("team:orders", today) == standing


def test_a_grant_opens_what_it_names_by_column_or_class() -> None:
    grant = read_grant(changed(columns=["email"], mask={"email": "hash", "city": "partial"}, classes=["internal"]), "orders", FILE)
    columns = {"email": "pii", "city": "internal", "country": "internal", "iban": "pii"}

    opened = {name: grant.opens({"name": name, "classification": kind}) for name, kind in columns.items()}

    assert opened == {"email": "hash", "city": "partial", "country": "none", "iban": None}


def test_the_strictest_mask_shows_least() -> None:
    assert [strictest(["none", "partial"]), strictest(["hash", "partial"]), strictest(["null", "hash"])] == ["partial", "hash", "null"]
