"""The file of principals: every mistake in it is said with its place, what is there, what is allowed and the nearest."""

import pytest

from dagmesh.consume.identity.principal import Principal
from dagmesh.consume.identity.principals_reading import read_principals
from dagmesh.errors import DefinitionError

DOMAINS = ("marketing", "finance")
ISSUER = "issuers: [{issuer: https://login.example.org, audience: dagmesh, keys: https://login.example.org/keys}]\n"
CLAIMS = {"iss": "https://login.example.org", "sub": "42", "email": "anna@example.org", "email_verified": True, "groups": ["finance-team"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- x", ": is no map; write issuers or principals, each with a list."),
        ("principals: {}\nprincipals: []", ": is no YAML: 'principals' is there twice"),
        ("principal: []", ": principal: unknown field; choose issuers or principals. Did you mean 'principals'?"),
        ("principals: anna", ": principals: 'anna' is no list; write one entry a line, each begun with a dash."),
        ("principals: [anna]", ": principals[1]: 'anna' is no map; write the fields token, issuer, subject,"),
        ("principals: [{reader: finance}]", ": principals[1].token: name either a token, or an issuer with one of its claims."),
        (
            "principals: [{token: a, email: b, reader: finance}]",
            ": principals[1].email: goes with an issuer; a local token says nothing but its name.",
        ),
        ("principals: [{token: a}]", ": principals[1].reader: is missing; choose marketing, finance or analyst."),
        (
            "principals: [{token: a, reader: finanse}]",
            ": principals[1].reader: 'finanse' is no domain of this mesh; choose marketing, finance or analyst. Did you mean 'finance'?",
        ),
        (
            "principals: [{token: a, reader: finance, kind: robot}]",
            ": principals[1].kind: unknown kind 'robot'; choose person, service or agent.",
        ),
        (
            "principals: [{token: a, reader: finance, roles: [ownr]}]",
            ": principals[1].roles: unknown role 'ownr'; choose owner or operator. Did you mean 'owner'?",
        ),
        (
            "principals: [{token: a, reader: finance, roles: owner}]",
            ": principals[1].roles: 'owner' is no list; write [owner or operator].",
        ),
        (
            "principals: [{token: a, reader: finance}, {token: a, reader: marketing}]",
            ": principals: token 'a' is there twice; the first would count, remove one.",
        ),
        (
            ISSUER + "principals: [{issuer: https://login.example.org, reader: finance}]",
            ": principals[1].issuer: 0 claims say who it is; name one: subject, email or group.",
        ),
        (
            ISSUER + "principals: [{issuer: https://login.example.com, email: a, reader: finance}]",
            ": principals[1].issuer: 'https://login.example.com' is not among the issuers of this file; "
            "add it there. Did you mean 'https://login.example.org'?",
        ),
        (
            ISSUER + "principals: [{issuer: https://login.example.org, subject: 42, reader: finance}]",
            ": principals[1].subject: 42 is no text; write what the issuer says.",
        ),
        ("issuers: [{issuer: a, audience: b}]", ": issuers[1].keys: is missing; write a text."),
        (
            "issuers: [{issuer: a, audience: b, keys: http://login.example.org/keys}]",
            ": issuers[1].keys: 'http://login.example.org/keys' can be tampered with on the way; "
            "only https, or http to this machine, is allowed.",
        ),
        (
            "issuers: [{issuer: a, audience: b, keys: file:///etc/passwd}]",
            ": issuers[1].keys: 'file:///etc/passwd' can be tampered with on the way; only https, or http to this machine, is allowed.",
        ),
    ],
)
def test_a_mistake_says_where_what_and_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as found:
        read_principals(text, DOMAINS)

    assert f"platform/principals.yaml{problem}" in str(found.value)


def test_every_mistake_is_said_at_once() -> None:
    with pytest.raises(DefinitionError) as found:
        read_principals("principals: [{token: A, reader: x, kind: y, roles: [z], w: 1}]", DOMAINS)

    assert [problem.field for problem in found.value.problems] == [
        f"principals[1].{name}" for name in ("w", "token", "reader", "kind", "roles")
    ]


@pytest.mark.parametrize(
    ("claim", "claims", "found"),
    [
        ("email: anna@example.org", {}, "anna@example.org"),
        ("email: anna@example.org", {"email_verified": False}, None),
        ("email: anna@example.org", {"email_verified": "true"}, None),
        ("email: anna@example.org", {"email": "bob@example.org"}, None),
        ('subject: "42"', {"email_verified": False}, "login.example.org/42"),
        ('subject: "42"', {"sub": 42}, None),
        ("group: finance-team", {}, "anna@example.org"),
        ("group: finance-team", {"groups": []}, None),
        ("group: finance-team", {"groups": "finance-team"}, None),
        ("group: finance", {"groups": "finance-team"}, None),
        ("email: anna@example.org", {"iss": "https://other.example.org"}, None),
    ],
)
def test_claims_are_about_whom_the_file_names_and_nobody_else(claim: str, claims: dict, found: str | None) -> None:
    principals = read_principals(f"{ISSUER}principals:\n  - issuer: https://login.example.org\n    {claim}\n    reader: finance\n", DOMAINS)

    about = principals.of_claims({**CLAIMS, **claims})

    assert about == (Principal(found, "finance") if found else None)


def test_the_first_entry_that_describes_somebody_counts() -> None:
    entries = "[{issuer: https://login.example.org, email: anna@example.org, reader: marketing}"
    entries += ", {issuer: https://login.example.org, group: finance-team, reader: finance}]"
    principals = read_principals(f"{ISSUER}principals: {entries}", DOMAINS)

    assert principals.of_claims(CLAIMS).reader == "marketing"
    assert principals.of_claims({**CLAIMS, "email": "bob@example.org"}).reader == "finance"


def test_no_claim_makes_a_token_of_this_machine() -> None:
    principals = read_principals(f"{ISSUER}principals: [{{token: anna, reader: finance}}]", DOMAINS)

    assert principals.of_claims({**CLAIMS, "sub": "anna", "token": "anna"}) is None
