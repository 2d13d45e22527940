"""Classification travels along column lineage, unless a column says why it need not."""

from typing import Any

import pytest

from dagmesh.model.address import Address
from dagmesh.model.classification import Carried, carried
from dagmesh.model.lineage import Derived

PROFILES, SEGMENTS, MAILS = "customers.profiles@1", "marketing.segments@1", "marketing.mails@1"
Lineage = dict[str, list[list[str]]]


def described(address: str, reads: list[str], **columns: str) -> dict[str, Any]:
    domain, _, name = address.partition("@")[0].partition(".")
    return {
        "domain": domain,
        "name": name,
        "reads": [{"parameter": source.partition(".")[2] or source, "source": source} for source in reads],
        "contract": {"columns": [{"name": column, "classification": given} for column, given in columns.items()]},
    }


PRODUCTS = {
    PROFILES: described(PROFILES, ["crm"], email="pii", city="confidential", country="internal"),
    SEGMENTS: described(SEGMENTS, [PROFILES], contact="pii", country="internal"),
}
NEWEST = {"segments": Address.parse(SEGMENTS)}
PUBLISHED: dict[str, Lineage] = {
    PROFILES: {"email": [["crm", "email", "value"]]},
    SEGMENTS: {"contact": [[PROFILES, "email", "value"]]},
}


def found(lineage: Lineage, declassified: str | None = None, why: str = "", **columns: str) -> list[Carried]:
    mails = described(MAILS, [PROFILES, "segments"], **columns)
    for column in mails["contract"]["columns"]:
        column["declassified"] = declassified
    return list(carried(mails, Derived(lineage, why), {**PRODUCTS, MAILS: mails}, lambda address: PUBLISHED.get(address, {}), NEWEST))


@pytest.mark.parametrize(
    ("source", "given", "needed"),
    [
        ("email", "public", "pii"),
        ("email", "internal", "pii"),
        ("email", "pseudonymous", "pii"),
        ("email", "confidential", "pii"),
        ("email", "pii", None),
        ("city", "internal", "confidential"),
        ("city", "confidential", None),
        ("city", "pii", None),
        ("country", "public", None),
    ],
)
def test_a_column_is_at_least_as_restricted_as_what_it_is_made_of(source: str, given: str, needed: str | None) -> None:
    carrying = found({"x": [[PROFILES, source, "value"]]}, x=given)

    assert [one.needed for one in carrying] == ([needed] if needed else [])


def test_what_a_column_only_depends_on_does_not_travel() -> None:
    assert found({"x": [[PROFILES, "email", "use"]]}, x="internal") == []


def test_a_column_may_say_why_it_is_less() -> None:
    assert found({"x": [[PROFILES, "email", "value"]]}, declassified="Only the part behind the @.", x="internal") == []


def test_the_worst_of_several_sources_decides() -> None:
    lineage = {"x": [[PROFILES, "city", "value"], [PROFILES, "email", "value"], ["private", "email", "value"]]}

    assert found(lineage, x="confidential") == [Carried("x", "confidential", "pii", ((PROFILES, "email"),))]


def test_the_path_leads_back_to_where_the_values_begin() -> None:
    (one,) = found({"x": [[SEGMENTS, "contact", "value"]]}, x="internal")

    assert one.path == ((SEGMENTS, "contact"), (PROFILES, "email"))
    assert (one.origin, one.by) == ("customers.profiles.email", " by marketing.segments")


def test_values_that_come_straight_went_through_nothing() -> None:
    (one,) = found({"x": [[PROFILES, "email", "value"]]}, x="internal")

    assert (one.origin, one.by) == ("customers.profiles.email", "")


def test_without_lineage_columns_of_one_name_are_taken_for_the_same() -> None:
    carrying = found({}, why="it computes in pandas", email="internal", contact="internal", country="public", other="public")

    assert {one.column: one.origin for one in carrying} == dict.fromkeys(("email", "contact"), "customers.profiles.email")


def test_with_lineage_a_column_of_the_same_name_is_judged_by_what_it_is_made_of() -> None:
    assert found({"email": [[PROFILES, "country", "value"]]}, email="internal") == []


@pytest.mark.parametrize("why", ["", "it computes in pandas"])
@pytest.mark.parametrize(("given", "needed"), [("internal", ["pii"]), ("pseudonymous", ["pii"]), ("pii", [])])
def test_a_personal_field_of_an_event_is_as_restricted_as_a_column(given: str, needed: list[str], why: str) -> None:
    profiles = described(PROFILES, ["customer_events"], email=given)
    lineage = {"email": [["customer_events", "email", "value"], ["customer_events", "time", "use"]]}
    made = Derived({} if why else lineage, why, frozenset({("customer_events", "email")}))

    carrying = list(carried(profiles, made, {PROFILES: profiles}))

    assert [(one.needed, one.origin) for one in carrying] == [(one, "customer_events.email") for one in needed]


def test_a_field_that_is_not_personal_may_be_shown() -> None:
    profiles = described(PROFILES, ["customer_events"], city="public")
    made = Derived({"city": [["customer_events", "city", "value"]]}, "", frozenset({("customer_events", "email")}))

    assert list(carried(profiles, made, {PROFILES: profiles})) == []
